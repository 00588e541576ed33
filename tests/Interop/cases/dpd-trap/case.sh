DESC="a dead peer leaves a trap, and the next packet sets the child up again"
NEEDS=gateway-left
check() { ini net && png && vanish right && gone left INSTALLED && again right && n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && png && up_both; }

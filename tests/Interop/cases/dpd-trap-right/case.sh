DESC="a dead peer leaves a trap, the gateway on the right"
NEEDS=gateway-right
check() { ini net && png && vanish left && gone right INSTALLED && again left && n rhost ping -q -c 1 -W 10 10.1.0.10 >/dev/null && png && up_both; }

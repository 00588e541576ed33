DESC="a child that the peer closes leaves a trap"
NEEDS=gateway-left
check() { ini net && png && sw right --terminate --child net --timeout 10 >/dev/null; sleep 2; hasnt left INSTALLED && n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && png && up_both; }

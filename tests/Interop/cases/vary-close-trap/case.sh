DESC="a trap that the peer closes"
NEEDS=gateway-left
check() { n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && png && sw right --terminate --ike lab --timeout 10 >/dev/null; sleep 1; hasnt left INSTALLED && n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && png && up_both; }

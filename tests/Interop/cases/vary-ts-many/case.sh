DESC="several selectors of both families against wider ones"
NEEDS=gateway-left
check() { ini net && png && n rhost ping -q -c2 -i0.2 -I 10.2.1.11 10.1.1.11 >/dev/null && n rhost ping -q -c2 fd01::10 >/dev/null && up_both; }

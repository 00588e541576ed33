DESC="the same, the gateway on the right"
NEEDS=gateway-right
check() { ini net && png && sw left --terminate --child net --timeout 10 >/dev/null; sleep 2; hasnt right INSTALLED && n rhost ping -q -c 1 -W 10 10.1.0.10 >/dev/null && png && up_both; }

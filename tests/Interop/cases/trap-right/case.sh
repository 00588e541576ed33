DESC="the first packet of a trapped child, the gateway on the right"
NEEDS=gateway-right
check() { hasnt right INSTALLED && n rhost ping -q -c 1 -W 10 10.1.0.10 >/dev/null && say 'the very first packet is answered' && png && up_both; }

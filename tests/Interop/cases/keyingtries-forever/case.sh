DESC="dialled again and again until the peer is there"
NEEDS=gateway-right
check() { vanish left; sw right --initiate --child net --timeout 2 >/dev/null 2>&1; sleep 2; again left && till right INSTALLED && up_both && png; }

DESC="a child that the peer closes is set up again"
NEEDS=gateway-left
check() { ini net && png && sw right --terminate --child net --timeout 10 >/dev/null; sleep 3; has left INSTALLED && png && up_both; }

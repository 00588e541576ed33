DESC="a child that the peer closes is set up again, by the right side"
NEEDS=gateway-right
check() { ini net && png && sw left --terminate --child net --timeout 10 >/dev/null; sleep 3; has right INSTALLED && png && up_both; }

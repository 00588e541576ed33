DESC="two rounds by number on both sides"
NEEDS=gateway-right
check() { ini net && png && up_both; }

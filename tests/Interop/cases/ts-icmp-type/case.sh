DESC="ICMP by type on both sides"
check() { ini net && png && up_both; }

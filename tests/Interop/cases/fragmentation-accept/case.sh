DESC="fragments are taken and not sent"
check() { ini net && png && up_both; }

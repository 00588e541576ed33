DESC="two peers configured for the same network: the one that is up carries it"
check() { ini net && png && png 10.2.0.10 lhost && up_both; }

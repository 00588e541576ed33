DESC="every setting that changes nothing, beside each other"
check() { ini net && png && png 10.2.0.10 lhost && up_both; }

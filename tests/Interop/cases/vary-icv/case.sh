DESC="lengths of ICVs in bits"
check() { ini net && png && png 10.2.0.10 lhost && up_both; }

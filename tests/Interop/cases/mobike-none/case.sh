DESC="MOBIKE offered by one side alone"
check() { ini net && png && up_both; }

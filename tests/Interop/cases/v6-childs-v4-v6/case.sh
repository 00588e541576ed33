DESC="IPv6 outside, IPv4 and IPv6 children inside"
check() { ini net && ini six && png && png fd01::10 && up_both; }

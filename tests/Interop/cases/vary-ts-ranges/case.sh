DESC="two ranges narrowed on both sides"
NEEDS=gateway-left
check() { ini net && png && has left "10.1.0.9..10.1.0.12|10.1.0.9-10.1.0.12" && nopng 10.1.1.11; }

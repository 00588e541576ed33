DESC="wide selectors narrowed to single addresses"
NEEDS=gateway-left
check() { ini net && png && nopng 10.1.0.11 && has left "10.1.0.10/32"; }

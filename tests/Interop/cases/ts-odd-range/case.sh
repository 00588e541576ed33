DESC="a range that is no prefix, narrowed against another"
NEEDS=gateway-left
check() { ini net && png && has left "10.1.0.8[.][.]10.1.0.10"; }

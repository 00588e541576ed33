DESC="everything to everything"
NEEDS=gateway-right
check() { ini net && png && up_both && has left "0.0.0.0/0"; }

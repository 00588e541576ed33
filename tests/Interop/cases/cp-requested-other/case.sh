DESC="one address is asked for and another one given, which is taken"
INIT=right
check() { ini net && png 10.1.0.10 right && has left '10.3.0.[0-9]*/32' && up_both; }

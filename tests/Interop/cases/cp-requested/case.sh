DESC="the address that is asked for is given, and again after a new set-up"
NEEDS=gateway-left
check() { ini net && png 10.1.0.10 right && has left '10.3.0.9/32' && sw $INIT --terminate --ike lab --timeout 10 >/dev/null && ini net && png 10.1.0.10 right && has left '10.3.0.9/32'; }

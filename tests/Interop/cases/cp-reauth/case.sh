DESC="a virtual address outlives authenticating anew"
INIT=right
check() { ini net && png 10.1.0.10 right && sw right --rekey --ike lab --reauth >/dev/null && sleep 4 && png 10.1.0.10 right && has left '10.3.0.1/32' && [ "$(count left ESTABLISHED)" = 1 ]; }

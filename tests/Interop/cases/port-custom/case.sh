DESC="IKE on ports of one side's own, with a rekeying"
INIT=right
STRONGSWAN_left='port = 5500
port_nat_t = 5501'
check() { ini net && png && sw right --rekey --ike lab >/dev/null && sleep 2 && sw left --rekey --child net >/dev/null && sleep 2 && png && up_both && has left "198.51.100.1.5501"; }

DESC="the same behind a translator"
TOPO=nat
INIT=right
STRONGSWAN_left='port = 5500
port_nat_t = 5501'
check() { ini net && png && up_both && png 10.2.0.10 lhost; }

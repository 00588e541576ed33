DESC="a peer behind a translator moves to its other uplink"
TOPO=nat
INIT=right
check() { ini net && png || return 1; ip -n ss-right link set wan down; sleep 8; png && up_both; }

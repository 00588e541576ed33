DESC="several IKE SAs of the same peer"
NEEDS=gateway-left
INIT=right
check() { ini net && png && ini net2 && sleep 2 && [ "$(count left ESTABLISHED)" = 2 ]; }

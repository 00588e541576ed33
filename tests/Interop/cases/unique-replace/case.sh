DESC="a second IKE SA of the same peer takes the place of the first"
NEEDS=gateway-left
INIT=right
check() { ini net && png && ini net2 && sleep 2 && [ "$(count left ESTABLISHED)" = 1 ] && has left "#2, ESTABLISHED"; }

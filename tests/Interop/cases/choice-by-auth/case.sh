DESC="one connection by key, one by certificate, for the same peer"
INIT=right
check() { ini net && png && up_both && has left 'bycert: #'; }

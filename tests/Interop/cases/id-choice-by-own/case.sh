DESC="the connection is chosen by whom the peer asks for"
INIT=right
check() { ini net && png && up_both && has left 'lab: #'; }

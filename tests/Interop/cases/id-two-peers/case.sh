DESC="the connection is chosen by who the peer says that it is"
INIT=right
check() { ini net && png && up_both && has left 'lab: #' && hasnt left 'first: #'; }

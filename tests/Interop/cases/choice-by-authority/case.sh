DESC="two connections for anybody with a certificate, told apart by the authority"
INIT=right
check() { ini net && png && up_both && has left 'lab: #'; }

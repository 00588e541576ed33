DESC="rekeying with a group that the peer has not got"
check() { ini net && png && { sw $INIT --rekey --child net >/dev/null; sleep 3; png && up_both; }; }

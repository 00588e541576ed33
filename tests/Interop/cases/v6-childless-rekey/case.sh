DESC="IPv6 with childless initiation, both SAs rekeyed"
check() { ini net && png && sw $INIT --rekey --child net >/dev/null && sleep 2 && png && sw $INIT --rekey --ike lab >/dev/null && sleep 2 && png && up_both; }

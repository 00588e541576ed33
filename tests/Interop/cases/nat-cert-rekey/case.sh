DESC="certificates behind a NAT, both SAs rekeyed from the side that is not behind it"
TOPO=nat
check() { ini net && png && sw left --rekey --child net >/dev/null && sleep 2 && png && sw left --rekey --ike lab >/dev/null && sleep 2 && png && up_both; }

DESC="every fifth packet is lost: retransmission brings the SA up, rekeys it and closes it"
pre() { n net nft 'table inet loss { chain f { type filter hook forward priority 0; udp dport { 500, 4500 } @th,64,32 0 numgen random mod 100 < 20 drop; udp dport 500 numgen random mod 100 < 20 drop; }; }'; }
check() {
  local i
  for i in 1 2 3; do ini net || return 1; sw left --rekey --child net >/dev/null; sleep 3; sw right --rekey --ike lab >/dev/null; sleep 4; up_both && png || return 1; sw left --terminate --ike lab --timeout 30 >/dev/null; sleep 6; done
}

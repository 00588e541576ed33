DESC="the same, begun by the left side"
INIT=left
check() { local i; for i in $(seq 21); do ini c$i && png && up_both && sw $INIT --rekey --child c$i >/dev/null && sleep 1 && png && sw $INIT --terminate --child c$i --timeout 10 >/dev/null || { say "proposal $i"; return 1; }; done; }

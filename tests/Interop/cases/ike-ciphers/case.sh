DESC="the families of ciphers, PRFs and groups for IKE, each rekeyed"
INIT=right
check() { local i; for i in $(seq 17); do ini c$i && png && up_both && sw $INIT --rekey --ike k$i >/dev/null && sleep 2 && png && up_both && [ "$(count left ESTABLISHED)" = 1 ] && sw $INIT --terminate --ike k$i --timeout 10 >/dev/null || { say "proposal $i"; return 1; }; done; }

DESC="a post-quantum key with EAP"
check() { ini net && png && up_both && sw right --rekey --ike lab >/dev/null && sleep 2 && png; }

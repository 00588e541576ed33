DESC="UDP encapsulation asked for by one side, with a rekeying"
check() { ini net && png && sw right --rekey --ike lab >/dev/null && sleep 2 && sw left --rekey --child net >/dev/null && sleep 2 && png && up_both; }

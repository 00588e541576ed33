DESC="IKE and ESP over IPv6 with MOBIKE offered, rekeyed"
check() { ini net && png && sw right --rekey --ike lab >/dev/null && sleep 2 && png && up_both; }

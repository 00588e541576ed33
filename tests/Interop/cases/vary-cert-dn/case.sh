DESC="subjects of certificates, an authority and a hash asked for"
check() { ini net && png && sw right --rekey --ike lab > /dev/null && sleep 2 && png && up_both; }

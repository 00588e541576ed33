DESC="EAP-TLS by TLS 1.3"
[ $GATEWAY = left ] || STRONGSWAN_left='tls { version_min = 1.3
version_max = 1.3
suites =
}'
[ $GATEWAY = right ] || STRONGSWAN_right='tls { version_min = 1.3
version_max = 1.3
suites =
}'
check() { ini net && png && up_both && { logs right "TLS 1.3" || logs left "TLS 1.3"; }; }

DESC="an unknown critical extension"
NEEDS=gateway-left
STRONGSWAN_right="x509 {
 enforce_critical = no
}"
side_files() { odd "$1" "$2" critical; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

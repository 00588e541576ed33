DESC="EAP-TLS with a certificate whose time is over"
side_files() { odd "$1" "$2" expired; [ "$1" != right ] || rm -f "$2"/x509/right-{ec,ed,rsa,sub,crl,ocsp,rev}*; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED|EAP_FAIL'; }

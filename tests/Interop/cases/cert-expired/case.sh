DESC="a certificate whose time is over"
side_files() { odd "$1" "$2" expired; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

DESC="a certificate that its owner signed"
side_files() { odd "$1" "$2" self; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

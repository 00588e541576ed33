DESC="only the certificate that is named is taken"
side_files() { [ "$1" != left ] || cp "$RUN/pki/right-ec384.crt" "$2/x509/"; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

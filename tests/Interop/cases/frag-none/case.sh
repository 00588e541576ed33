DESC="no fragmentation, large certificates"
side_files() { [ "$1" != left ] || cp "$RUN/pki/sub-rsa.crt" "$2/x509/"; }

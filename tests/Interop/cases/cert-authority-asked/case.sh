DESC="the authority of the peer is named, by file and by subject"
side_files() { [ "$1" != left ] || cp "$RUN/pki/sub-rsa.crt" "$2/x509/"; }

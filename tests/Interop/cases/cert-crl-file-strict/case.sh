DESC="revocation from a file, strict"
side_files() { cp "$RUN/pki/ec.crl" "$2/x509crl/"; }

DESC="certificates are never sent: the peer has them"
side_files() { cp "$RUN"/pki/left-ec.crt "$RUN"/pki/right-rsa.crt "$2/x509/"; }

DESC="a raw public key on one side, a certificate on the other"
side_files() { rm -f "$2"/x509/*-ed.crt; }

DESC="a certificate that its owner signed, known beforehand"
side_files() { odd "$1" "$2" self; [ "$1" != left ] || cp "$RUN/pki/odd-right-self.crt" "$2/x509/right-self.crt"; }

DESC="certificates over IPv6 in fragments of 600 octets"
STRONGSWAN_left='fragment_size = 600'
STRONGSWAN_right='fragment_size = 600'
side_files() { [ "$1" != left ] || cp "$RUN/pki/sub-rsa.crt" "$2/x509/"; }

DESC="small fragments over IPv6, an intermediate and large keys"
STRONGSWAN_left='fragment_size = 576'
STRONGSWAN_right='fragment_size = 576'
side_files() { cp "$RUN/pki/sub-rsa.crt" "$2/x509ca/"; }

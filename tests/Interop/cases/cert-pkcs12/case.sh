DESC="key and certificates from a PKCS#12 file"
side_files() { local k=$([ "$1" = left ] && echo ec || echo rsa); openssl pkcs12 -export -passout pass:Kennwort -inkey "$2/private/$1-$k.key" -in "$2/x509/$1-$k.crt" -certfile "$2/x509ca/ca-$k.crt" -out "$2/pkcs12/$1.p12" 2>/dev/null; rm "$2"/private/* "$2"/x509/*; sed -i '/certs = /d' "$2/swanctl.conf"; }

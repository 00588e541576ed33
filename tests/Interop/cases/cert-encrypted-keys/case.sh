DESC="private keys in files with a passphrase, as PKCS#8"
side_files() { local k=$2/private/$1-*.key f; for f in $2/private/$1-ec.key $2/private/$1-rsa.key; do openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:Kennwort -in "$f" -out "$2/pkcs8/${f##*/}" 2>/dev/null; done; rm "$2"/private/*; }

DESC="raw public keys, no certificates"
side_files() { rm -f "$2"/x509/* "$2"/x509ca/*; }

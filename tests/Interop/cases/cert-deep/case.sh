DESC="two intermediates on one side, none on the other"
side_files() { odd "$1" "$2" deep; [ "$1" != left ] || cp "$RUN/pki/sub-ec.crt" "$RUN/pki/sub-sub-ec.crt" "$2/x509ca/"; [ "$1" != right ] || rm -f "$2"/x509ca/sub*; }

DESC="pinned certificates without any authority"
check() { ini net && png && up_both; }
side_files() { [ $1 = left ] && rm -f $2/x509ca/* && cp $RUN/pki/right-ed.crt $2/x509/; [ $1 = right ] && rm -f $2/x509ca/* && cp $RUN/pki/left-rsa.crt $2/x509/; true; }

DESC="the subject of a certificate, matched with wildcards"
check() { ini net && png && has left 'C=CH, O=Lab, CN='; }

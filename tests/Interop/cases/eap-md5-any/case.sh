DESC="EAP-MD5, the identity asked for"
check() { ini net && png && up_both && has left 'EAP: .*road@lab'; }

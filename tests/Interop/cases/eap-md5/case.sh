DESC="EAP-MD5, a pattern for the EAP identity"
NEEDS=gateway-left
check() { ini net && png && up_both && has left 'EAP: .*road@lab'; }

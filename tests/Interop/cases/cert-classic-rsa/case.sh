DESC="RSA without RFC 7427 (RFC 7296 method 1)"
STRONGSWAN_left='signature_authentication = no'
STRONGSWAN_right='signature_authentication = no'

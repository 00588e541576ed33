DESC="ECDSA P-521 by the method of RFC 4754, RSA by method 1"
STRONGSWAN_left='signature_authentication = no'
STRONGSWAN_right='signature_authentication = no'

DESC="ECDSA without RFC 7427 (RFC 4754)"
STRONGSWAN_left='signature_authentication = no'
STRONGSWAN_right='signature_authentication = no'

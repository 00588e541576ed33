DESC="the server of the revocation list is away, and ifuri needs it: refused"
NEEDS=gateway-left
MANAGED=yes
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

DESC="a certificate below another authority than the one asked for"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

DESC="a signature by another hash than the one asked for"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

DESC="strength that is asked for in auth and not there is refused"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

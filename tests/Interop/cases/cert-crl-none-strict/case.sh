DESC="nothing is known of revocation, and strict"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

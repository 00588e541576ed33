DESC="a post-quantum key that differs"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

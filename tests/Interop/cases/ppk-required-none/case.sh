DESC="a post-quantum key is required and the peer has none"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

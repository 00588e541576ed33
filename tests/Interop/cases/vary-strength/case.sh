DESC="a key that is too short"
check() { inife net "AUTHENTICATION_FAILED|AUTH_FAILED"; }

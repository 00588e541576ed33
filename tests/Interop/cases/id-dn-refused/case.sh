DESC="a subject that does not match"
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED|constraint check failed|CONSTRAINT'; }

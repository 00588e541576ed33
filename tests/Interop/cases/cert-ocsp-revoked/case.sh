DESC="an OCSP responder says revoked, and relaxed refuses too"
NEEDS=gateway-left
MANAGED=yes
pre() { printf 'R\t400101000000Z\t260101000000Z,keyCompromise\t0A0B0C0D\tunknown\t/CN=right.lab\n' >"$RUN/index.out"; bg n net openssl ocsp -index "$RUN/index.out" -port 8081 -rsigner "$RUN/pki/ca-ec.crt" -rkey "$RUN/pki/ca-ec.key" -CA "$RUN/pki/ca-ec.crt" -ndays 1 >/dev/null 2>&1; sleep 1; }
check() { inife net 'AUTHENTICATION_FAILED|AUTH_FAILED'; }

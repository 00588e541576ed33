DESC="an OCSP responder says good (strict)"
NEEDS=gateway-left
MANAGED=yes
pre() { printf 'V\t400101000000Z\t\t0A0B0C0D\tunknown\t/CN=right.lab\n' >"$RUN/index.out"; bg n net openssl ocsp -index "$RUN/index.out" -port 8081 -rsigner "$RUN/pki/ca-ec.crt" -rkey "$RUN/pki/ca-ec.key" -CA "$RUN/pki/ca-ec.crt" -ndays 1 >/dev/null 2>&1; sleep 1; }

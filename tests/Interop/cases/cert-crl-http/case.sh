DESC="a revocation list is fetched (strict)"
NEEDS=gateway-left
MANAGED=yes
pre() { bg n net python3 -m http.server 8080 -d "$RUN/pki" >/dev/null 2>&1; sleep 1; }

DESC="a second IKE SA of the same peer is refused"
NEEDS=gateway-left
INIT=right
check() { ini net && png && inife net2 "AUTHENTICATION_FAILED|AUTH_FAILED" && [ "$(count left ESTABLISHED)" = 1 ] && png; }

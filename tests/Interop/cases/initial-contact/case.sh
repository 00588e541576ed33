DESC="a peer that was killed and comes again: INITIAL_CONTACT ends what it has forgotten"
NEEDS=gateway-left
check() { ini net && png && vanish right && again right && ini net && png && [ "$(count left ESTABLISHED)" = 1 ] && hasnt left '#1, ESTABLISHED'; }

DESC="the gateway takes any peer of a domain, with a key for all of them"
INIT=right

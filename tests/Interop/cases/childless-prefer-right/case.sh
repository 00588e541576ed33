DESC="the right side prefers to begin without a child, towards a peer that insists on it"
NEEDS=gateway-right
INIT=right

DESC="a side that prefers to begin without a child, towards a peer that insists on it"
NEEDS=gateway-left
INIT=left

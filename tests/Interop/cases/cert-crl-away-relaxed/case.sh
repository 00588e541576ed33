DESC="the server of the revocation list is away, and relaxed does without"
NEEDS=gateway-left
MANAGED=yes

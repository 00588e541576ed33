DESC="three rounds on one side, two on the other (strongSwan, beginning, takes two rounds of the other side as too few)"
NEEDS=gateway-right
INIT=right

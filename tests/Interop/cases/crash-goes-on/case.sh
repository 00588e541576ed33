DESC="the gateway is killed and comes again: the same SAs go on"
[ "$GATEWAY" != none ] || NEEDS=gateway-left
check() { local g=$GATEWAY u; ini net && png && u=$(sas $g | grep -oE '[0-9a-f]{16}_[ir]' | head -1) && vanish $g && again $g && sas $g | grep -q "$u" && png && up_both; }

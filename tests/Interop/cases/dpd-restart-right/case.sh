DESC="a dead peer is dialled again, by the right side"
NEEDS=gateway-right
check() { ini net && png && vanish left && sleep 20; again left && sleep 14; png && up_both; }

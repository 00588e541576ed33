DESC="a dead peer is dialled again, by the right side"
NEEDS=gateway-right
check() { ini net && png && vanish left && gone right '#1, ESTABLISHED' && again left && till right INSTALLED && till left INSTALLED && png && up_both; }

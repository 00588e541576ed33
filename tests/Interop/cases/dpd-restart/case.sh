DESC="DPD: the peer vanishes for a while; the gateway sets the child up again when it is back"
NEEDS=gateway-left
check() {
  ini net && png || return 1
  vanish right; gone left '#1, ESTABLISHED' || return 1
  again right && till right INSTALLED && till left INSTALLED && { png || { sleep 3; png; }; }
}

DESC="DPD: the peer vanishes for a while; the gateway sets the child up again when it is back"
NEEDS=gateway-left
await() { local i; for i in $(seq 80); do sas right | grep -q INSTALLED && sas left | grep -q INSTALLED && png && return 0; sleep 0.5; done; say "it did not come back"; return 1; }
check() {
  ini net && png || return 1
  vanish right; sleep 25; hasnt left '#1, ESTABLISHED' || return 1
  again right && await
}

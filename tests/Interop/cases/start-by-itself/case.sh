DESC="a child with start_action = start is set up without being asked for, and again after the peer closed it"
NEEDS=gateway-left
await() { local i; for i in $(seq 40); do sas right | grep -q INSTALLED && return 0; sleep 0.5; done; say "it did not come up"; return 1; }
check() { await && png && sw right --terminate --child net --timeout 10 >/dev/null; sleep 1; await && png && [ "$(count left INSTALLED)" = 1 ]; }

DESC="a pool that is a range; the address comes again with the same identity"
INIT=right
check() { ini net && png 10.1.0.10 right && has left '10.3.0.100/32' && sw right --terminate --ike lab --timeout 10 >/dev/null && ini net && has left '10.3.0.100/32' && sw left --list-pools --leases | tee /dev/stderr | grep -qE '10.3.0.100 +online'; }

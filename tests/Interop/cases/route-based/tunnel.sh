# The gateway's side of a route-based tunnel, for the cases that have one.
gateway() { "$GATEWAY_BINARY" "$@" --socket "$RUN/left/gateway.sock"; }
pre() {
  # The peer routes whatever its policies take into its tunnel, also what is for its own network.
  n right ip route add throw 10.2.0.0/16 table 220
  gateway apply - >"$RUN/apply.out" 2>&1 <<<'[
    { "kind": "interface", "name": "tun42", "spec": { "type": "ipsec", "if_id": 42, "mtu": 1400, "addresses": ["172.16.42.1/30"] } },
    { "kind": "route", "name": "far", "spec": { "to": "10.2.0.0/16", "interface": "tun42" } }]' || { cat "$RUN/apply.out"; WHY="the ipsec interface was not taken"; return 1; }
}
carried() { # both directions are counted on the interface
  gateway show interfaces tun42 --json >"$RUN/tun42.out"
  grep -qE '"rx_packets": ?[1-9]' "$RUN/tun42.out" && grep -qE '"tx_packets": ?[1-9]' "$RUN/tun42.out" && say "packets were counted on tun42" || { cat "$RUN/tun42.out"; say "tun42 carried nothing"; return 1; }
}
elsewhere() {
  n lhost ping -q -c 1 -W 2 198.51.100.254 >/dev/null; local before; before=$(sent)
  n lhost ping -q -c 3 -i 0.2 -W 1 203.0.113.254 >/dev/null
  [ "$(sent)" = "$before" ] && say "what is routed elsewhere is not taken into the tunnel" || { say "the tunnel took what was not routed into it"; return 1; }
}
sent() { gateway show interfaces tun42 --json | grep -oE '"tx_packets": ?[0-9]+'; }

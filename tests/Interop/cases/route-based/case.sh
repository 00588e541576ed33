DESC="route-based: selectors of everything, protected is what routes lead into the ipsec interface; from both sides, rekeyed, and without taking what is routed elsewhere"
NEEDS=gateway-left
# The peer's policies take everything too: without a mark its own ESP packets would be among it.
PLUGINS_right='kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }'
. "$CASES/route-based/tunnel.sh"
check() {
  ini net && png && png 10.2.0.10 lhost && has left 'net: #' && up_both || return 1
  carried || return 1
  sw "$INIT" --rekey --child net >/dev/null || { say "it was not rekeyed"; return 1; }
  sleep 1; png && png 10.2.0.10 lhost || return 1
  # A packet that no route leads into the interface leaves in the clear, as before.
  elsewhere
}

DESC="route-based: the first packet that a route leads into the ipsec interface sets the child up, and is sent"
NEEDS=gateway-left
PLUGINS_right='kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }'
. "$CASES/route-based/tunnel.sh"
check() {
  hasnt left INSTALLED && elsewhere && hasnt left INSTALLED || return 1
  n lhost ping -q -c 1 -W 10 10.2.0.10 >/dev/null && say "the very first packet is answered" && png 10.2.0.10 lhost && png && up_both && carried
}

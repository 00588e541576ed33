DESC="the translator in front of the peer takes another port: an authenticated packet shows it, and IKE and ESP go there"
NEEDS=gateway-left
TOPO=nat
INIT=right
check() {
  ini net && png && hasnt left '203.0.113.2.4[0-9]{4}' || return 1
  # A translator forgets its flows when the link goes down.
  n net nft -f - <<<'flush table ip nat; table ip nat { chain post { oifname "left" ip saddr 203.0.113.0/24 meta l4proto udp masquerade to :40000-40100; }; }' || return 1
  ip -n ss-net link set left down && ip -n ss-net link set left up
  n rhost ping -q -c 2 -i 0.3 -W 3 10.1.0.10 >/dev/null
  png && png 10.2.0.10 lhost && has left '@ 198.51.100.254.40[01][0-9]{2}' && sw left --rekey --child net >/dev/null && sleep 2 && png && up_both
}

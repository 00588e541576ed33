DESC="who is behind a translator and has nothing to send keeps its mapping with an octet of ones"
NEEDS=gateway-right
TOPO=nat
INIT=right
STRONGSWAN_right='keep_alive = 2'
check() {
  ini net && png || return 1
  bg n net timeout 20 tcpdump -i left -n -c 2 -w "$RUN/alive.out" 'src host 198.51.100.254 and udp dst port 4500 and udp[4:2] = 9 and udp[8] = 0xff' >/dev/null 2>&1
  sleep 9; [ "$(tcpdump -r "$RUN/alive.out" -n 2>/dev/null | wc -l)" = 2 ] && say "the translator sees them" && png 10.2.0.10 lhost && up_both
}

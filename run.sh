#!/usr/bin/env bash
# ./run.sh          a branch office with a real strongSwan reaches a LAN through the gateway, in network namespaces; stays up until Ctrl-C
# ./run.sh --once   the same, and ends by itself
# ./run.sh --down   removes what an earlier run left (after a crash) or still has
#
#   lan host 10.1.0.10 ── lan [box: the gateway] wan 198.51.100.1 ── [net] ── 203.0.113.2 [branch: strongSwan] ── 10.2.0.10 branch host
#
# Nothing outside the namespaces is touched; all files lie in /var/lib/gateway-demo.
set -u
cd "$(dirname "$0")" || exit 1
. deploy/debian.sh

NEEDS='
ip                              iproute2
ping                            iputils-ping
nft                             nftables
sysctl                          procps
iperf3                          iperf3
swanctl                         strongswan-swanctl
/usr/lib/ipsec/charon           strongswan-charon
/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so libcharon-extra-plugins
/usr/lib/ipsec/plugins/libstrongswan-curve25519.so      libstrongswan-extra-plugins
/usr/lib/ipsec/plugins/libstrongswan-gcm.so             libstrongswan-standard-plugins
'
# Not below /run: strongSwan gets a /run of its own.
STATE=/var/lib/gateway-demo
GATEWAY=$PWD/src/Gateway.Host/bin/Release/net10.0/gateway

MODE=stay BUILT=0
for a in "$@"; do
  case $a in
    --once) MODE=once ;;
    --down) MODE=down ;;
    --built) BUILT=1 ;;   # We have called ourselves with sudo; what needs no root is done.
    *) sed -n '2,8p' "$0"; exit 2 ;;
  esac
done

say() { printf '\033[2m%s\033[0m\n' "$*"; }
title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || { say() { echo "$*"; }; title() { printf '\n%s\n' "$*"; }; }
die() { echo "run.sh: $*" >&2; exit 1; }

# ---- what it needs ---------------------------------------------------------------------------------------------------
find_sudo || exit 1
if [ $BUILT -eq 0 ] && [ $MODE != down ]; then
  need_dotnet || exit 1
  install_missing "$NEEDS" || exit 1
  say "building (Release) …"
  build_release src/Gateway.Host/Gateway.Host.csproj || die "the build failed"
fi
if [ -n "$SUDO" ]; then
  say "network namespaces need root: continuing with sudo"
  args=(--built); [ $MODE = stay ] || args+=("--$MODE")
  exec sudo env PATH="$PATH:/usr/sbin:/sbin" DOTNET_ROOT="${DOTNET_ROOT:-}" "$PWD/run.sh" "${args[@]}"
fi
PATH=$PATH:/usr/sbin:/sbin

missing_capabilities() {
  local effective; effective=$((16#$(sed -n 's/^CapEff:\s*//p' /proc/self/status)))
  local name bit
  while read -r name bit; do [ $(((effective >> bit) & 1)) -eq 1 ] || echo "$name"; done <<<'CAP_NET_ADMIN 12
CAP_NET_RAW 13
CAP_SYS_ADMIN 21'
}
missing=$(missing_capabilities | paste -sd' ')
[ -z "$missing" ] || die "network namespaces are forbidden here: missing $missing"
unshare -n true 2>/dev/null || die "network namespaces are forbidden here: unshare(2) is refused; the container needs CAP_SYS_ADMIN and a seccomp profile that lets it be used"

# ---- taking it down --------------------------------------------------------------------------------------------------
# A run writes down the ids of what it starts and the names of what it makes before it does; so it can be undone after a crash.
take_down() { # FOLDER
  local dir=$1 pid name
  for pid in $(tac "$dir/pids" 2>/dev/null); do kill "$pid" 2>/dev/null; done
  for pid in $(cat "$dir/pids" 2>/dev/null); do
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null
  done
  for name in $(cat "$dir/namespaces" 2>/dev/null); do
    for pid in $(ip netns pids "$name" 2>/dev/null); do kill -9 "$pid" 2>/dev/null; done
    ip netns del "$name" 2>/dev/null
  done
  rm -rf "$dir"
  rmdir "$STATE" 2>/dev/null
  return 0
}
if [ $MODE = down ]; then
  found=0
  for dir in "$STATE"/*/; do
    [ -d "$dir" ] || continue
    found=1
    owner=$(cat "$dir/owner" 2>/dev/null || echo 0)
    if [ "$owner" -gt 0 ] && grep -qs run.sh "/proc/$owner/cmdline"; then
      kill -TERM "$owner"
      for _ in $(seq 150); do [ -d "$dir" ] || break; sleep 0.1; done
    fi
    [ -d "$dir" ] && take_down "${dir%/}"
    echo "taken down: $(basename "$dir")"
  done
  [ $found -eq 1 ] || echo "nothing is up"
  exit 0
fi

# ---- the lab ---------------------------------------------------------------------------------------------------------
ID=$(od -An -N2 -tx1 /dev/urandom | tr -d ' \n')
DIR=$STATE/$ID
mkdir -p "$STATE" && chmod 755 "$STATE" && mkdir "$DIR" || die "cannot write to $STATE"
echo $$ >"$DIR/owner"
: >"$DIR/pids"
finish() { trap - EXIT INT TERM; take_down "$DIR"; [ -t 1 ] && echo; say "all taken down; nothing is left"; exit "${1:-0}"; }
trap 'finish $?' EXIT
trap 'finish 0' INT TERM

ns() { echo "gw$ID-$1"; }
on() { local n=$1; shift; ip netns exec "$(ns "$n")" "$@"; }
link() { # NS DEVICE NS DEVICE
  ip link add "$2" netns "$(ns "$1")" type veth peer name "$4" netns "$(ns "$3")" && ip -n "$(ns "$1")" link set "$2" up && ip -n "$(ns "$3")" link set "$4" up
}
forward() { on "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0; }
start() { # NS LOG COMMAND...: in the background, its id written down
  local n=$1 log=$2; shift 2
  ip netns exec "$(ns "$n")" "$@" >"$DIR/$log" 2>&1 &
  echo $! >>"$DIR/pids"
}
wait_for() { # SECONDS SENTENCE COMMAND...
  local t=$((SECONDS + $1)) what=$2; shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $t ] || { echo "run.sh: waited in vain: $what" >&2; tail -25 "$DIR"/*.log >&2; return 1; }
    sleep 0.2
  done
}

say "making five network namespaces: lan, box, net, branch, bhost"
for n in lan box net branch bhost; do
  echo "$(ns $n)" >>"$DIR/namespaces"
  ip netns add "$(ns $n)" && ip -n "$(ns $n)" link set lo up || die "cannot make the network namespace $(ns $n)"
done
{
  link lan eth0 box lan && link box wan net left && link branch wan net right && link bhost eth0 branch lan
  forward net && forward branch
  ip -n "$(ns net)" addr add 198.51.100.254/24 dev left && ip -n "$(ns net)" addr add 203.0.113.254/24 dev right
  ip -n "$(ns net)" route add blackhole 10.0.0.0/8        # the clear networks are unreachable across the internet
  ip -n "$(ns branch)" addr add 203.0.113.2/24 dev wan && ip -n "$(ns branch)" addr add 10.2.0.1/24 dev lan
  ip -n "$(ns branch)" route add default via 203.0.113.254
  ip -n "$(ns lan)" addr add 10.1.0.10/24 dev eth0 && ip -n "$(ns lan)" route add default via 10.1.0.1
  ip -n "$(ns bhost)" addr add 10.2.0.10/24 dev eth0 && ip -n "$(ns bhost)" route add default via 10.2.0.1
} || die "cannot set the lab up"

# A key of this run only.
PSK=0s$(head -c 32 /dev/urandom | base64)

say "starting strongSwan in the branch"
mkdir -p "$DIR/branch/run" "$DIR/branch/swanctl"
for f in x509 x509ca x509crl x509ocsp x509ac x509aa pubkey private rsa ecdsa pkcs8 pkcs12 conf.d; do mkdir "$DIR/branch/swanctl/$f"; done
cat >"$DIR/branch/strongswan.conf" <<N
charon {
  load = random nonce openssl curve25519 aesni aes sha1 sha2 hmac kdf gcm kernel-libipsec kernel-netlink socket-default updown vici
  filelog { log { path = $DIR/branch.charon.log
      default = 1
      flush_line = yes
    } }
  plugins { vici { socket = unix://$DIR/branch/vici
    } }
}
N
(umask 077; cat >"$DIR/branch/swanctl/swanctl.conf" <<N
connections {
  hq {
    version = 2
    local_addrs = 203.0.113.2
    remote_addrs = 198.51.100.1
    proposals = aes128gcm16-prfsha256-x25519
    mobike = no
    local {
      auth = psk
      id = branch.example
    }
    remote {
      auth = psk
      id = hq.example
    }
    children {
      net {
        local_ts = 10.2.0.0/24
        remote_ts = 10.1.0.0/24
        esp_proposals = aes128gcm16-x25519
      }
    }
  }
}
secrets {
  ike-hq {
    id-1 = hq.example
    id-2 = branch.example
    secret = $PSK
  }
}
N
)
export STRONGSWAN_CONF=$DIR/branch/strongswan.conf SWANCTL_DIR=$DIR/branch/swanctl
# charon's pid folder is compiled in: it gets a /run of its own.
start branch branch.log sh -c "mount --bind $DIR/branch/run /run && exec /usr/lib/ipsec/charon"
wait_for 10 "strongSwan's control socket" test -S "$DIR/branch/vici" || exit 1
swanctl --load-all --noprompt --uri "unix://$DIR/branch/vici" >"$DIR/load.log" 2>&1 || { cat "$DIR/load.log"; die "strongSwan refused its configuration"; }

say "starting the gateway from an appliance.json"
cat >"$DIR/appliance.json" <<N
{
  "id": "demo",
  "journal": { "kind": "sqlite", "path": "journal.db" },
  "vault": { "path": "vault", "key": "vault.key" },
  "bus": { "kind": "in-memory" },
  "api": { "socket": "gateway.sock" }
}
N
start box gateway.log "$GATEWAY" run --config "$DIR/appliance.json"
gateway_id=$!
export GATEWAY_SOCKET=$DIR/gateway.sock
wait_for 30 "the gateway answers on its socket" "$GATEWAY" show workers --json || exit 1

say "commanding it: interfaces and routes, then the branch's connection, then a policy"
cat >"$DIR/1-network.json" <<N
{ "id": "demo-1", "issuer": "run.sh", "reason": "take the ports", "put": [
  { "kind": "interface", "name": "wan", "spec": { "type": "af-packet", "device": "wan", "addresses": ["198.51.100.1/24"] } },
  { "kind": "interface", "name": "lan", "spec": { "type": "af-packet", "device": "lan", "addresses": ["10.1.0.1/24"] } },
  { "kind": "route", "name": "default", "spec": { "to": "0.0.0.0/0", "via": "198.51.100.254" } } ] }
N
(umask 077; cat >"$DIR/2-branch.json" <<N
{ "id": "demo-2", "issuer": "run.sh", "reason": "open the branch", "put": [
  { "kind": "secret", "name": "ike-branch", "spec": { "type": "ike", "ids": ["hq.example", "branch.example"], "secret": "$PSK" } },
  { "kind": "connection", "name": "branch", "spec": {
      "local_addrs": ["198.51.100.1"], "remote_addrs": ["203.0.113.2"], "proposals": ["aes128gcm16-prfsha256-x25519"], "mobike": false,
      "local": [{ "auth": "psk", "id": "hq.example" }], "remote": [{ "auth": "psk", "id": "branch.example" }],
      "children": { "net": { "local_ts": ["10.1.0.0/24"], "remote_ts": ["10.2.0.0/24"], "esp_proposals": ["aes128gcm16-x25519"] } } } } ] }
N
)
cat >"$DIR/3-policy.json" <<N
{ "id": "demo-3", "issuer": "run.sh", "reason": "nothing for the lab network", "put": [
  { "kind": "policy", "name": "no-lab", "spec": { "action": "discard", "local_ts": ["10.1.0.0/24"], "remote_ts": ["10.66.0.0/16"] } } ] }
N
for step in 1-network 2-branch 3-policy; do
  "$GATEWAY" apply "$DIR/$step.json" >"$DIR/$step.out" 2>&1 || { cat "$DIR/$step.out"; tail -20 "$DIR/gateway.log"; die "the gateway did not accept $step.json"; }
done
rm -f "$DIR/2-branch.json"

say "bringing the SAs up"
"$GATEWAY" initiate branch/net >"$DIR/initiate.out" 2>&1 || { cat "$DIR/initiate.out"; die "the gateway could not initiate"; }
wait_for 20 "a CHILD SA" sh -c "\"$GATEWAY\" show sas --json | grep -qi installed" || exit 1

say "pinging across, both ways"
ping_ok() { on "$1" ping -q -c 1 -W 3 "$2" >/dev/null; on "$1" ping -q -c 5 -i 0.2 -W 2 "$2" | sed -n 's,^rtt [^=]*= [^/]*/\([^/]*\)/.*,\1,p'; }   # the first may wait for neighbors to answer
rtt1=$(ping_ok bhost 10.1.0.10) rtt2=$(ping_ok lan 10.2.0.10)
[ -n "$rtt1" ] && [ -n "$rtt2" ] || { "$GATEWAY" show counters; tail -20 "$DIR/gateway.log"; die "no ping crosses the tunnel"; }

say "transferring data for a few seconds"
start lan iperf.log iperf3 -s --forceflush
wait_for 5 "iperf3 listens" grep -q listening "$DIR/iperf.log" || exit 1
rate() { on bhost iperf3 -c 10.1.0.10 -t 3 "$@" -f m 2>/dev/null | awk '/receiver/ { for (i = 1; i < NF; i++) if ($(i+1) ~ /bits\/sec/) r = $i " " $(i+1) } END { print r }'; }
to_lan=$(rate) to_branch=$(rate -R)

# ---- what happened ---------------------------------------------------------------------------------------------------
if [ -t 1 ] && [ $MODE = stay ]; then clear; fi
title "A strongSwan branch office reaches the LAN through the gateway"
echo "  lan 10.1.0.10 ── [gateway] 198.51.100.1 ══ ESP ══ 203.0.113.2 [strongSwan $(swanctl --version --uri "unix://$DIR/branch/vici" 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+' | head -1)] ── 10.2.0.10"
title "Security associations (gateway show sas)"
"$GATEWAY" show sas
title "Traffic"
printf '  ping      %8s ms branch → LAN        %8s ms LAN → branch\n' "$rtt1" "$rtt2"
printf '  TCP       %14s branch → LAN  %14s LAN → branch   (iperf3, 3 s each)\n' "${to_lan:-failed}" "${to_branch:-failed}"
"$GATEWAY" show interfaces
title "Counters that are not zero (gateway show counters)"
"$GATEWAY" show counters | head -30
title "The journal tells the story (gateway history)"
"$GATEWAY" history | tail -14
title "The configuration as it was at revision 1 (gateway config --at 1)"
"$GATEWAY" config --at 1
title "The journal is intact (gateway verify)"
"$GATEWAY" verify
[ -n "$to_lan" ] && [ -n "$to_branch" ] || die "iperf3 did not get through"

[ $MODE = once ] && exit 0
title "It stays up. Try in another terminal, as root:"
cat <<N
  export GATEWAY_SOCKET=$GATEWAY_SOCKET PATH=\$PATH:$(dirname "$GATEWAY")
  gateway show connections          gateway show sas --watch         gateway show plan
  gateway rekey branch/net          gateway terminate branch         gateway initiate branch/net
  gateway diff 1 3                  gateway undo 3                   gateway history --item connection/branch
  gateway trace                     gateway config --at 2 --json     gateway show policies
  ip netns exec $(ns bhost) ping 10.1.0.10
  ip netns exec $(ns bhost) iperf3 -c 10.1.0.10
  swanctl --list-sas --uri unix://$DIR/branch/vici

Ctrl-C takes everything down.
N
wait "$gateway_id"
echo "run.sh: the gateway has ended:" >&2
tail -20 "$DIR/gateway.log" >&2
exit 1

#!/usr/bin/env bash
# The gateway and a real strongSwan 5.9.8 play cases: folders with left.conf, right.conf (swanctl.conf each) and case.sh.
#
#   lab.sh test --cases DIR [NAME…]   plays the cases (all, when none is named): PASS, FAIL or SKIP with the reason, then the sums
#   lab.sh list --cases DIR           the cases and what they show
#   lab.sh up   --cases DIR NAME      brings one up and waits for Ctrl-C, printing how to look around
#
# Environment
#   GATEWAY   left (default) or right: whose place the gateway takes; strongSwan takes the other. "none": strongSwan on both sides
#   INIT      right (default) or left: who begins
#   GATEWAY_BINARY   the gateway to run (default: the release build of this tree)
#   GATEWAY_LAB_WORKERS  its packet workers (default: 1)
#   KEEP      a folder that gets the logs of cases that fail
#   LAB_PKI   a folder that pki.sh made, to be used instead of making one
#
#   lhost ── lan [left] wan ── [net: a router, or with TOPO=nat a translator] ── wan [right] lan ── rhost
#   10.1.0.10  10.1.0.1 198.51.100.1 .254   .254 203.0.113.2 10.2.0.1   10.2.0.10      the right side has a second uplink, wan2 192.0.3.2
#
# A case.sh sets DESC and what differs from the usual (TOPO, STRONGSWAN_left, STRONGSWAN_right, PLUGINS_left, PLUGINS_right; NEEDS=gateway-left where
# strongSwan with ESP in user space could not take that place; MANAGED=yes where the gateway's host needs a network of its own, to reach the router's servers), and may define
#   check            the case itself; the default: the child "net" comes up, the hosts reach each other, both sides show the SA
#   pre              runs when both sides are up, before check
#   side_files SIDE FOLDER   adds to or takes from a side's swanctl folder
# vanish SIDE kills a side, again SIDE starts it once more; till SIDE REGEX and gone SIDE REGEX wait for what --list-sas shows. Both sides are asked with swanctl, the gateway through its vici socket. Namespaces are named ss-left, ss-right, ss-net, ss-lhost and ss-rhost in cases;
# their real names are this run's own.
set -u
HERE=$(cd "$(dirname "$0")" && pwd)
: "${GATEWAY:=left}" "${INIT:=right}" "${GATEWAY_BINARY:=$HERE/../../src/Gateway.Host/bin/Release/net10.0/gateway}" "${KEEP:=}"
PATH=$PATH:/usr/sbin:/sbin
L4=198.51.100.1 R4=203.0.113.2 R4B=192.0.3.2 L6=2001:db8:1::1 R6=2001:db8:2::2
SIDES="left right" PLACES="left right net lhost rhost"
LEFT=ss5 RIGHT=ss5 ASKED_INIT=$INIT
case $GATEWAY in left) LEFT=gateway ;; right) RIGHT=gateway ;; none) ;; *) echo "lab.sh: GATEWAY is left, right or none" >&2; exit 2 ;; esac

usage() { sed -n '2,16p' "$0"; exit 2; }
die() { echo "lab.sh: $*" >&2; exit 1; }

# ---- the words of the cases --------------------------------------------------------------------------------------------
ns() { echo "$TAG-$1"; }
# Cases name namespaces as ss-PLACE.
ip() { local a=() x; for x in "$@"; do case $x in ss-left|ss-right|ss-net|ss-lhost|ss-rhost) a+=("$(ns "${x#ss-}")") ;; *) a+=("$x") ;; esac; done; command ip "${a[@]}"; }
n() { local p=$1; shift; command ip netns exec "$(ns "$p")" "$@"; }
impl() { if [ "$1" = left ]; then echo "$LEFT"; else echo "$RIGHT"; fi; }
peer() { if [ "$1" = left ]; then echo right; else echo left; fi; }
say() { echo "  $*"; }
sw() { # SIDE VERB ARGS…: swanctl against that side
  local s=$1 verb=$2; shift 2
  SWANCTL_DIR=$RUN/$s/swanctl STRONGSWAN_CONF=$RUN/$s/strongswan.conf n "$s" timeout 60 swanctl "$verb" "$@" --uri "unix://$RUN/$s/charon.vici"
}
sas() { sw "$1" --list-sas; }
count() { sas "$1" | grep -cE "$2"; }
ini() { # CHILD
  say "$INIT initiates $1"
  sw "$INIT" --initiate --child "$1" --timeout 20 >"$RUN/ini.out" 2>&1 || { tail -5 "$RUN/ini.out"; say "$1 did not come up"; return 1; }
}
inife() { # CHILD REGEX: must fail, and somebody must say why
  say "$INIT initiates $1, which must fail with /$2/"
  if sw "$INIT" --initiate --child "$1" --timeout 15 >"$RUN/ini.out" 2>&1; then say "$1 came up but must not"; return 1; fi
  cat "$RUN/ini.out" "$RUN"/left/charon.log "$RUN"/right/charon.log 2>/dev/null | grep -qE "$2" && return 0
  tail -5 "$RUN/ini.out"; say "nobody says /$2/"; return 1
}
png() { # [TO] [FROM]
  local to=${1:-10.1.0.10} from=${2:-rhost} vip
  # The gateway is no host that could ping; an address that it was given is its own, and answers.
  if [ "$(impl "$from")" = gateway ] && { [ "$from" = left ] || [ "$from" = right ]; }; then
    vip=$(sas "$from" | grep -oE "^ *local .*\[[0-9a-f.:]+" | head -1 | sed 's/.*\[.*\[//; s/.*\[//; s/ .*//')
    [ -n "$vip" ] || { say "$from has no virtual address to reach"; return 1; }
    say "$from cannot ping; instead $to pings it at $vip"
    case $to in 10.1.*|fd01:*) from=lhost ;; *) from=rhost ;; esac
    to=$vip
  fi
  if n "$from" ping -q -c 3 -i 0.2 -W 5 "$to" | grep -q ' 0% packet loss'; then say "$from reaches $to"; else say "$from does not reach $to"; return 1; fi
}
nopng() { if n "${2:-rhost}" ping -q -c 2 -i 0.2 -W 1 "$1" >/dev/null; then say "$1 is reached but must not be"; return 1; else say "$1 is not reached, as it must be"; fi; }
has() { # SIDE REGEX: in --list-sas
  if sas "$1" | grep -qE "$2"; then say "the SAs of $1 show /$2/"; else sas "$1"; say "the SAs of $1 do not show /$2/"; return 1; fi
}
hasnt() { if sas "$1" | grep -qE "$2"; then sas "$1"; say "the SAs of $1 still show /$2/"; return 1; else say "the SAs of $1 do not show /$2/, as it must be"; fi; }
till() { # SIDE REGEX [SECONDS]: waits until --list-sas shows it
  local i; for i in $(seq $((${3:-60} * 2))); do sas "$1" | grep -qE "$2" && { say "the SAs of $1 show /$2/"; return 0; }; sleep 0.5; done
  has "$1" "$2"
}
gone() { # SIDE REGEX [SECONDS]: waits until --list-sas does not show it any more; strongSwan lists what was rekeyed for some seconds more
  local i; for i in $(seq $((${3:-60} * 2))); do sas "$1" | grep -qE "$2" || { say "the SAs of $1 do not show /$2/ any more"; return 0; }; sleep 0.5; done
  hasnt "$1" "$2"
}
up_both() { local s; for s in $SIDES; do has $s ESTABLISHED && has $s INSTALLED || return 1; done; }
logs() { # SIDE REGEX: strongSwan's log. The gateway's own log has words of its own: what it does not say is told, and fails nothing.
  if grep -qE "$2" "$RUN/$1/charon.log"; then say "the log of $1 has /$2/"
  elif [ "$(impl "$1")" = gateway ]; then say "the gateway ($1) does not say /$2/"
  else say "the log of $1 lacks /$2/"; return 1; fi
}
bg() { "$@" & echo $! >>"$RUN/pids"; }

vanish() { kill -9 "$(cat "$RUN/$1/pid")"; wait "$(cat "$RUN/$1/pid")" 2>/dev/null; rm -f "$RUN/$1/charon.vici"; say "$1 is gone without a word"; }
again() { say "$1 comes again"; if [ "$(impl "$1")" = gateway ]; then gateway_up "$1"; else strongswan_up "$1"; fi; }

# ---- the network -------------------------------------------------------------------------------------------------------
link() { command ip link add "$2" netns "$(ns "$1")" type veth peer name "$4" netns "$(ns "$3")" && command ip -n "$(ns "$1")" link set "$2" up && command ip -n "$(ns "$3")" link set "$4" up; }
addr() { local p=$1 dev=$2 a; shift 2; for a in "$@"; do command ip -n "$(ns "$p")" addr add "$a" dev "$dev" nodad 2>/dev/null || command ip -n "$(ns "$p")" addr add "$a" dev "$dev"; done; }
via() { local p=$1 via=$2; shift 2; command ip -n "$(ns "$p")" route add default via "$via" "$@"; }
net_up() {
  local p i
  for p in $PLACES; do command ip netns add "$(ns $p)" && command ip -n "$(ns $p)" link set lo up || return 1; done
  link left wan net left && link right wan net right && link right wan2 net right2 && link lhost eth0 left lan && link rhost eth0 right lan || return 1
  for p in $PLACES; do
    n $p sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
    for i in $(n $p ls /sys/class/net); do n $p sysctl -qw net.ipv4.conf.$i.rp_filter=0 net.ipv6.conf.$i.accept_dad=0; done
  done
  addr net left 198.51.100.254/24 2001:db8:1::fe/64; addr net right 203.0.113.254/24 2001:db8:2::fe/64; addr net right2 192.0.3.254/24
  addr lhost eth0 10.1.0.10/24 10.1.0.11/24 10.1.1.11/24 fd01::10/64; via lhost 10.1.0.1; via lhost fd01::1
  addr rhost eth0 10.2.0.10/24 10.2.0.11/24 10.2.1.11/24 fd02::10/64; via rhost 10.2.0.1; via rhost fd02::1
  if [ "$(impl left)" = gateway ]; then bare left; else
    addr left wan $L4/24 198.51.100.3/24 $L6/64; addr left lan 10.1.0.1/24 10.1.1.1/24 fd01::1/64; via left 198.51.100.254; via left 2001:db8:1::fe
  fi
  if [ "$(impl right)" = gateway ]; then bare right; else
    addr right wan $R4/24 $R6/64; addr right wan2 $R4B/24; addr right lan 10.2.0.1/24 10.2.1.1/24 fd02::1/64
    via right 203.0.113.254 metric 10; via right 192.0.3.254 metric 20; via right 2001:db8:2::fe
  fi
  # In clear nothing gets across: what arrives went through the tunnel.
  command ip -n "$(ns net)" route add blackhole 10.0.0.0/8; command ip -n "$(ns net)" -6 route add blackhole fd00::/8
  [ "$TOPO" != nat ] || n net nft -f - <<<'table ip nat { chain post { type nat hook postrouting priority 100; oifname "left" ip saddr { 203.0.113.0/24, 192.0.3.0/24 } masquerade; }; }'
}
# The gateway has taken its ports from the host: what the host fetches goes by a network of its own.
managed() { link net mgmt "$1" mgmt && addr net mgmt 192.0.2.254/24 && addr "$1" mgmt 192.0.2.1/24 && via "$1" 192.0.2.254; }
bare() { [ -z "$MANAGED" ] || managed "$1"; n "$1" sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; }
net_down() {
  local p q
  for p in $PLACES; do
    q=$(command ip netns pids "$(ns $p)" 2>/dev/null) && [ -n "$q" ] && kill -9 $q 2>/dev/null
    command ip netns del "$(ns $p)" 2>/dev/null
  done
  return 0
}

# ---- the sides ---------------------------------------------------------------------------------------------------------
certificates() { if [ -n "${LAB_PKI:-}" ]; then cp -r "$LAB_PKI" "$RUN/pki"; else "$HERE/pki.sh" "$RUN/pki" >/dev/null; fi; }
needs_pki() { grep -qE 'cert|pubkey|eap|pki' "$CASES/$CASE"/*; }
folder() { # SIDE: its swanctl folder, with the case's configuration and the certificates that the side has
  local s=$1 d=$RUN/$1 x
  mkdir -p "$d/run"
  for x in x509 x509ca x509aa x509ocsp x509crl x509ac pubkey private rsa ecdsa pkcs8 pkcs12 conf.d; do mkdir -p "$d/swanctl/$x"; done
  cp "$CASES/$CASE/$s.conf" "$d/swanctl/swanctl.conf" 2>/dev/null || : >"$d/swanctl/swanctl.conf"
  if needs_pki; then
    cp "$RUN"/pki/ca-*.crt "$d/swanctl/x509ca/"; cp "$RUN/pki/$s"-*.crt "$d/swanctl/x509/"; cp "$RUN/pki/$s"-*.key "$d/swanctl/private/"; cp "$RUN"/pki/*.pub "$d/swanctl/pubkey/"
  fi
  ! declare -F side_files >/dev/null || side_files "$s" "$d/swanctl"
}
odd() { # SIDE FOLDER KIND: in side_files, one of the certificates that sides have in some cases only, named SIDE-KIND
  cp "$RUN/pki/odd-$1-$3.crt" "$2/x509/$1-$3.crt"; cp "$RUN/pki/odd-$1-$3.key" "$2/private/$1-$3.key"
}
strongswan_conf() { # SIDE
  local s=$1 d=$RUN/$1 body="STRONGSWAN_$1" plugins="PLUGINS_$1"
  cat >"$d/strongswan.conf" <<N
charon {
  load = random nonce pem pkcs1 pkcs8 x509 pubkey revocation constraints openssl gmp curve25519 aesni aes sha1 sha2 md4 md5 mgf1 hmac kdf cmac xcbc gcm ccm chapoly ctr curl kernel-libipsec kernel-netlink socket-default resolve updown counters eap-identity eap-mschapv2 eap-md5 eap-gtc eap-tls eap-ttls eap-radius addrblock unity error-notify vici
  install_virtual_ip_on = lo
  retransmit_timeout = 1.0
  retransmit_tries = 4
  ${!body:-}
  filelog {
    log {
      path = $d/charon.log
      time_format = %H:%M:%S
      default = 1
      ike = 2
      cfg = 2
      flush_line = yes
    }
  }
  plugins {
    vici {
      socket = unix://$d/charon.vici
    }
    ${!plugins:-}
  }
}
libtls {
  suites = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256
}
N
}
strongswan_up() { # SIDE
  local s=$1 d=$RUN/$1 i
  strongswan_conf "$s"
  # The folder of its pid file is compiled in: each charon gets a /run of its own.
  STRONGSWAN_CONF=$d/strongswan.conf command ip netns exec "$(ns "$s")" sh -c "mount --bind $d/run /run && exec /usr/lib/ipsec/charon" >"$d/stdout" 2>&1 &
  echo $! >"$d/pid"
  for i in $(seq 100); do [ -S "$d/charon.vici" ] && break; sleep 0.1; done
  [ -S "$d/charon.vici" ] || { tail -5 "$d/stdout"; WHY="strongSwan ($s) did not start"; return 1; }
  sw "$s" --load-all --noprompt >"$d/load.out" 2>&1 || { cat "$d/load.out"; WHY="strongSwan ($s) did not load its configuration"; return 1; }
}
# What the gateway has of charon's own settings, in appliance.json's words under "ike".
mapped() { case $1 in cookie_threshold|block_threshold|retransmit_timeout|retransmit_base|retransmit_tries|keep_alive|fragment_size|half_open_timeout|port|port_nat_t) echo "$1" ;; *) return 1 ;; esac; }
appliance() { # SIDE: appliance.json; false, with WHY, when charon's settings cannot be taken over
  local s=$1 d=$RUN/$1 body="STRONGSWAN_$1" plugins="PLUGINS_$1" line key value unknown="" ike='"retransmit_timeout": 1.0, "retransmit_tries": 4' wan lan more=""
  while IFS= read -r line; do
    line=${line%%#*}; key=$(xargs <<<"${line%%=*}"); value=$(xargs <<<"${line#*=}")
    [ -n "$key" ] || continue
    if [ "$key" = make_before_break ] || [ "$key" = signature_authentication ]; then case $value in yes|no) ike="$ike, \"$key\": $([ "$value" = yes ] && echo true || echo false)"; continue ;; esac; fi
    if [[ $line == *=* ]] && key2=$(mapped "$key") && [[ $value =~ ^[0-9.]+$ ]]; then ike="$(sed -E "s/\"$key2\": [0-9.]+(, )?//" <<<"$ike")"; ike="${ike%, }${ike:+, }\"$key2\": $value"
    else unknown="$unknown $key"; fi
  done <<<"${!body:-}"
  [ -z "${!plugins:-}" ] || unknown="$unknown plugins(${!plugins%%[[:space:]{]*})"
  [ -z "$unknown" ] || { WHY="the gateway has no such setting of charon's:$unknown"; return 1; }
  if [ "$s" = left ]; then
    wan="\"$L4/24\", \"198.51.100.3/24\", \"$L6/64\"" lan='"10.1.0.1/24", "10.1.1.1/24", "fd01::1/64"'; set -- 198.51.100.254 2001:db8:1::fe
  else
    wan="\"$R4/24\", \"$R6/64\"" lan='"10.2.0.1/24", "10.2.1.1/24", "fd02::1/64"'; set -- 192.0.3.254 2001:db8:2::fe
    # The first uplink leads to the peer, the second one to everywhere: it is there when the first one is not.
    more="{ \"kind\": \"route\", \"name\": \"peer\", \"spec\": { \"to\": \"198.51.100.0/24\", \"via\": \"203.0.113.254\" } }, { \"kind\": \"interface\", \"name\": \"wan2\", \"spec\": { \"type\": \"af-packet\", \"device\": \"wan2\", \"addresses\": [\"$R4B/24\"] } },"
  fi
  cat >"$d/appliance.json" <<N
{ "id": "lab-$s", "journal": { "path": "journal.db" }, "vault": { "path": "vault", "key": "vault.key" },
  "api": { "socket": "gateway.sock" }, "vici": { "socket": "charon.vici" }, "dataplane": { "workers": ${GATEWAY_LAB_WORKERS:-1}, "buffers": 8192, "hugepages": false },
  "ike": { $ike }, "log": { "level": "debug" },
  "config": [
    { "kind": "interface", "name": "wan", "spec": { "type": "af-packet", "device": "wan", "addresses": [$wan] } }, $more
    { "kind": "interface", "name": "lan", "spec": { "type": "af-packet", "device": "lan", "addresses": [$lan] } },
    { "kind": "route", "name": "default", "spec": { "to": "0.0.0.0/0", "via": "$1" } },
    { "kind": "route", "name": "default6", "spec": { "to": "::/0", "via": "$2" } }
  ] }
N
}
gateway_up() { # SIDE
  local s=$1 d=$RUN/$1 i
  : >"$d/strongswan.conf"
  appliance "$s" || return 2
  command ip netns exec "$(ns "$s")" "$GATEWAY_BINARY" run --config "$d/appliance.json" >>"$d/gateway.log" 2>&1 &
  echo $! >"$d/pid"
  for i in $(seq 300); do [ -S "$d/charon.vici" ] && break; kill -0 "$(cat "$d/pid")" 2>/dev/null || break; sleep 0.1; done
  [ -S "$d/charon.vici" ] || { tail -5 "$d/gateway.log"; WHY="the gateway did not start"; return 1; }
  # The hosts have spoken with their router before, as hosts do: a check shall not hang on how soon a busy machine resolves a neighbor.
  for i in $(seq 20); do n "${s:0:1}host" ping -q -c 1 -W 1 "$([ "$s" = left ] && echo 10.1.0.1 || echo 10.2.0.1)" >/dev/null && break; done
  n "${s:0:1}host" ping -q -c 1 -W 1 "$([ "$s" = left ] && echo fd01::1 || echo fd02::1)" >/dev/null
  # What strongSwan's log is to the checks, here is what the gateway tells over vici.
  : >"$d/charon.log"; bg n "$s" stdbuf -oL swanctl --log --uri "unix://$d/charon.vici" >>"$d/charon.log" 2>&1
  "$GATEWAY_BINARY" import swanctl "$d/swanctl/swanctl.conf" --socket "$d/gateway.sock" >"$d/load.out" 2>&1 || { cat "$d/load.out"; WHY="the gateway did not take $s.conf: $(grep -m1 -E 'rejected|not carried|:' "$d/load.out")"; return 1; }
  grep '^not carried over' "$d/load.out" | sed 's/^/  /; s| ([^ ]*/swanctl.conf| (swanctl.conf|'
  # With a part of its configuration a check would show something else than it says.
  if grep -qE '^not carried over: connections.* is left out' "$d/load.out"; then
    WHY="the gateway does not take all of $s.conf: $(grep -E '^not carried over: connections' "$d/load.out" | head -1 | sed "s/^not carried over: //; s| ([^ ]*/swanctl.conf:.*||")"; return 1
  fi
}

# ---- one case ----------------------------------------------------------------------------------------------------------
load() { # the case's own words over the usual ones
  DESC="" NEEDS=ss5 TOPO=plain MATRIX="" WHY="" MANAGED=""
  unset STRONGSWAN_left STRONGSWAN_right PLUGINS_left PLUGINS_right
  unset -f side_files pre check
  check() { ini net && png && up_both; }
  [ -f "$CASES/$CASE/case.sh" ] || die "there is no case $CASE in $CASES"
  INIT=$ASKED_INIT
  . "$CASES/$CASE/case.sh"
}
both_up() {
  local s
  net_up || { WHY="the network could not be made"; return 1; }
  [ -d "$RUN/pki" ] || ! needs_pki || certificates || { WHY="the certificates could not be made (Debian package strongswan-pki)"; return 1; }
  for s in $SIDES; do
    folder $s
    if [ "$(impl $s)" = gateway ]; then gateway_up $s; else strongswan_up $s; fi || return $?
  done
  ! declare -F pre >/dev/null || pre
}
down() {
  local s p i
  [ ! -f "$RUN/pids" ] || { kill $(cat "$RUN/pids") 2>/dev/null; rm -f "$RUN/pids"; }
  for s in $SIDES; do
    [ -f "$RUN/$s/pid" ] || continue
    p=$(cat "$RUN/$s/pid"); kill "$p" 2>/dev/null
    for i in $(seq 60); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$p" 2>/dev/null; wait "$p" 2>/dev/null
  done
  net_down
  rm -rf "$RUN"/left "$RUN"/right "$RUN"/*.out
  return 0
}
play() { # CASE: 0 passed, 1 failed, 2 skipped
  CASE=$1; local t0=$SECONDS rc
  load
  case $NEEDS in gateway-left|gateway-right) [ "$GATEWAY" = "${NEEDS#gateway-}" ] || { echo "SKIP $CASE: it needs the gateway on the ${NEEDS#gateway-}"; return 2; } ;; esac
  both_up >"$RUN/case.txt" 2>&1; rc=$?
  if [ $rc -eq 0 ]; then check >>"$RUN/case.txt" 2>&1; rc=$?; [ $rc -eq 0 ] || rc=1; WHY=$(grep -v '^ *$' "$RUN/case.txt" | tail -1 | sed 's/^ *//'); fi
  case $rc in
    0) echo "PASS $CASE ($((SECONDS - t0)) s)" ;;
    2) echo "SKIP $CASE: $WHY" ;;
    *) echo "FAIL $CASE: ${WHY:-$(tail -1 "$RUN/case.txt")}"; sed 's/^/     /' "$RUN/case.txt"
       [ -z "$KEEP" ] || { mkdir -p "$KEEP/$CASE"; cp "$RUN/case.txt" "$KEEP/$CASE/"; for s in $SIDES; do cp "$RUN/$s/charon.log" "$KEEP/$CASE/$s.log"; cp "$RUN/$s/gateway.log" "$KEEP/$CASE/"; [ "$(impl $s)" != gateway ] || "$GATEWAY_BINARY" show counters --socket "$RUN/$s/gateway.sock" >"$KEEP/$CASE/counters.txt"; done 2>/dev/null; } ;;
  esac
  down
  return $rc
}

# ---- commands ----------------------------------------------------------------------------------------------------------
[ $# -ge 1 ] || usage
VERB=$1; shift; CASES="" NAMES=()
while [ $# -gt 0 ]; do case $1 in --cases) [ $# -ge 2 ] || usage; CASES=$(cd "$2" 2>/dev/null && pwd) || die "there is no folder $2"; shift 2 ;; -*) usage ;; *) NAMES+=("$1"); shift ;; esac; done
[ -n "$CASES" ] || usage
[ ${#NAMES[@]} -gt 0 ] || for c in "$CASES"/*/case.sh; do [ -f "$c" ] && NAMES+=("$(basename "$(dirname "$c")")"); done
if [ "$VERB" = list ]; then for CASE in "${NAMES[@]}"; do load; printf '%-26s %s\n' "$CASE" "$DESC"; done; exit 0; fi
[ "$VERB" = test ] || [ "$VERB" = up ] || usage
[ "$(id -u)" = 0 ] || exec sudo env GATEWAY="$GATEWAY" INIT="$INIT" KEEP="$KEEP" GATEWAY_BINARY="$GATEWAY_BINARY" GATEWAY_LAB_WORKERS="${GATEWAY_LAB_WORKERS:-1}" PATH="$PATH" DOTNET_ROOT="${DOTNET_ROOT:-}" GATEWAY_TEST_RUN="${GATEWAY_TEST_RUN:-}" TMPDIR="${TMPDIR:-/tmp}" "$0" "$VERB" --cases "$CASES" "${NAMES[@]}"
[ "$GATEWAY" = none ] || [ -x "$GATEWAY_BINARY" ] || die "the gateway is not built at $GATEWAY_BINARY"
for t in swanctl nft ping /usr/lib/ipsec/charon; do command -v $t >/dev/null || die "$t is missing (./test.sh installs what is needed)"; done
RUN=$(mktemp -d "${TMPDIR:-/tmp}/gwlab-XXXXXX") && chmod 755 "$RUN" || die "no folder for files"
TAG=gwlab$$x
trap 'down; rm -rf "$RUN"' EXIT
trap 'exit 130' INT TERM

if [ "$VERB" = up ]; then
  CASE=${NAMES[0]}; load
  both_up || { echo "$WHY"; exit 1; }
  echo "$CASE is up: gateway=$GATEWAY. swanctl --uri unix://$RUN/SIDE/charon.vici …; ip netns exec $TAG-PLACE …; logs in $RUN/SIDE. Ctrl-C ends it."
  while :; do sleep 3600 & wait $!; done
fi
passed=0 failed=0 skipped=0
for c in "${NAMES[@]}"; do
  play "$c"
  case $? in 0) passed=$((passed + 1)) ;; 2) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]

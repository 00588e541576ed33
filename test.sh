#!/usr/bin/env bash
# ./test.sh         unit, scenario and fuzz tests, and one interop case per family (under 15 minutes on two cores)
# ./test.sh --all   everything: all interop cases, long fuzz runs
#
# Environment: GATEWAY_VECTORS  folder of published test vectors (tests that need them say they were skipped without it).
#              GATEWAY_LAB_WORKERS  packet workers of the gateways in the lab (default 1).
# The last line is "N passed, N failed, N skipped". Ends with 0 only if something ran and nothing failed or was left behind.
set -u
cd "$(dirname "$0")" || exit 1
. deploy/debian.sh

# What the tests use, as "probe package". Everything runs in network namespaces or on loopback, from private configuration.
NEEDS='
ip                              iproute2
ping                            iputils-ping
nft                             nftables
ps                              procps
tcpdump                         tcpdump
tshark                          tshark
iperf3                          iperf3
swanctl                         strongswan-swanctl
/usr/lib/ipsec/charon           strongswan-charon
/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so libcharon-extra-plugins
/usr/lib/ipsec/plugins/libstrongswan-eap-mschapv2.so    libcharon-extauth-plugins
/usr/lib/ipsec/plugins/libstrongswan-curve25519.so      libstrongswan-extra-plugins
/usr/lib/ipsec/plugins/libstrongswan-gcm.so             libstrongswan-standard-plugins
pki                             strongswan-pki
/usr/lib/rabbitmq/bin/rabbitmq-server rabbitmq-server
node                            nodejs
npm                             npm
python3                         python3
/usr/lib/python3/dist-packages/pika python3-pika
'

ALL=0
for a in "$@"; do
  case $a in
    --all) ALL=1 ;;
    *) sed -n '2,8p' "$0"; exit 2 ;;
  esac
done

# Peers of a few cases that are large to install.
[ $ALL -eq 1 ] && NEEDS="$NEEDS
dpdk-testpmd                    dpdk-dev
/usr/lib/$(uname -m)-linux-gnu/librte_net_memif.so.23 librte-net-memif23
"

find_sudo && need_dotnet || exit 1
install_missing "$NEEDS" || exit 1

# ---- build ---------------------------------------------------------------------------------------------------------
started=$SECONDS
echo "== build (Release)"
build_release Gateway.sln || { echo "test.sh: the build failed" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
echo "   $((SECONDS - started)) s"

# ---- run -----------------------------------------------------------------------------------------------------------
# Every process of a test inherits RUN in its environment, every namespace carries the test program's process id in its name,
# and every temporary file lies in WORK: so what a run leaves behind can be told from what others do on the machine.
RUN=$(od -An -N2 -tx1 /dev/urandom | tr -d ' \n')
WORK=$(mktemp -d "/tmp/gwtest-$RUN.XXXX") || exit 1
mkdir "$WORK/results" "$WORK/tmp"
echo none >"$WORK/pids"
passed=0 failed=0 skipped=0
trap 'finish 130' INT TERM

before_tree=$(git status --porcelain 2>/dev/null)

tests() { # PROJECT RESULT SECONDS ARGS...: runs one test program with its results as XML
  local name=$1 result=$WORK/results/$2.xml limit=$3; shift 3
  local as=()
  [ "$name" = Interop ] && [ -n "$SUDO" ] && as=("$SUDO")
  "${as[@]}" env GATEWAY_TEST_RUN="$RUN" TMPDIR="$WORK/tmp" DOTNET_EnableDiagnostics=0 GATEWAY_VECTORS="${GATEWAY_VECTORS:-}" \
    GATEWAY_LAB_CASES="${GATEWAY_LAB_CASES:-}" GATEWAY_TEST_ALL="$ALL" GATEWAY_LAB_WORKERS="${GATEWAY_LAB_WORKERS:-1}" GATEWAY_LAB_ONLY="${again_cases:-}" PATH="$PATH:/usr/sbin:/sbin" \
    timeout -k 20 "$limit" bash -c 'echo $$ >>"$0"; exec "$@"' "$WORK/pids" "tests/$name/bin/Release/net10.0/Gateway.$name" -noLogo -noColor -xml "$result" "$@" >"$WORK/results/out" 2>&1
  local rc=$?
  [ $rc -eq 124 ] || [ $rc -eq 137 ] && echo "   $name was ended after $limit s"
  # Skips are told at the end with their reasons; here only what failed.
  grep -vE '^ *$|\[SKIP\]|Discovering|Discovered|Starting|Finished|TEST EXECUTION SUMMARY' "$WORK/results/out" | awk '/\[FAIL\]/{f=1} f' | head -150
  [ -s "$result" ] || { echo "   $name gave no results:"; tail -20 "$WORK/results/out"; return 1; }
  return 0
}

attribute() { # FILE NAME: sum of an attribute over the assemblies
  grep -oE '<assembly [^>]*' "$1" | grep -oE " $2=\"[0-9]+\"" | grep -oE '[0-9]+' | awk '{s+=$1} END {print s+0}'
}
failed_cases() { # FILE METHOD: "SIDE/NAME …" of the lab's cases that failed
  tr -d '\\' <"$1" | awk -v type="${2%.*}" 'BEGIN{RS="<test "} /result="Fail"/ && index($0, "type=\"" type "\"") {
    if (match($0, /gateway: &quot;[a-z]+&quot;, name: &quot;[^&]+/)) { c=substr($0, RSTART, RLENGTH); gsub(/gateway: &quot;|name: &quot;/, "", c); sub(/&quot;, /, "/", c); print c } }' | paste -sd' '
}
failed_methods() { awk 'BEGIN{RS="<test "} /result="Fail"/ { t=$0; sub(/.* type="/,"",t); sub(/".*/,"",t); m=$0; sub(/.* method="/,"",m); sub(/".*/,"",m); print t "." m }' "$1" | sort | uniq -c; }

suite() { # PROJECT SECONDS ARGS...
  local name=$1 t0=$SECONDS; shift
  compgen -G "tests/$name/*/*.cs" >/dev/null || compgen -G "tests/$name/*.cs" >/dev/null || return 0
  echo "== $name"
  if ! tests "$name" "$name" "$@"; then failed=$((failed + 1)); return; fi
  local f=$WORK/results/$name.xml p x s e
  p=$(attribute "$f" passed) x=$(attribute "$f" failed) s=$(attribute "$f" skipped) e=$(attribute "$f" errors)
  if [ "$name" = Interop ] && [ "$x" -gt 0 ]; then
    # Real peers on a busy machine: a failed case gets one more chance, and is reported as flaky when it takes it.
    while read -r n method; do
      echo "   once more: $method"
      again_cases=$(failed_cases "$f" "$method") tests Interop again 600 -method "$method" || continue
      local g; g=$(attribute "$WORK/results/again.xml" failed)
      if [ "$g" -lt "$n" ]; then
        p=$((p + n - g)) x=$((x - n + g))
        echo "   FLAKY: $method (failed $n, then $g)"
      fi
    done < <(failed_methods "$f")
  fi
  passed=$((passed + p)) failed=$((failed + x + e)) skipped=$((skipped + s))
  echo "   $p passed, $((x + e)) failed, $s skipped, $((SECONDS - t0)) s"
}

# ---- what was left behind ------------------------------------------------------------------------------------------
leftovers() {
  local pid ns n=0
  for pid in $($SUDO grep -lzsx "GATEWAY_TEST_RUN=$RUN" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
    [ -d "/proc/$pid" ] || continue
    echo "LEFT BEHIND: process $pid: $(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-150)"
    $SUDO kill -9 "$pid" 2>/dev/null; n=$((n + 1))
  done
  for ns in $(ip netns list 2>/dev/null | cut -d' ' -f1 | grep -E "^gw[a-z]*($(paste -sd'|' "$WORK/pids"))x"); do
    echo "LEFT BEHIND: namespace $ns"
    $SUDO ip netns del "$ns"; n=$((n + 1))
  done
  if $SUDO nft list tables 2>/dev/null | grep -E "gateway.*$RUN"; then echo "LEFT BEHIND: nft tables (above)"; n=$((n + 1)); fi
  if [ -n "$($SUDO find "$WORK/tmp" -mindepth 1 ! -path '*/.dotnet*' ! -name 'clr-debug-pipe*' -print -quit)" ]; then
    echo "LEFT BEHIND: files:"; (cd "$WORK/tmp" && $SUDO find . -mindepth 1 | head -20); n=$((n + 1))
  fi
  if [ "$(git status --porcelain 2>/dev/null)" != "$before_tree" ]; then echo "LEFT BEHIND: changes in the working tree:"; git status --porcelain; n=$((n + 1)); fi
  return $n
}

skip_reasons() {
  cat "$WORK"/results/{Unit,Scenarios,Fuzz,Interop}.xml 2>/dev/null | awk 'BEGIN{RS="<test "} /result="Skip"/ { n=$0; sub(/.*name="/,"",n); sub(/".*/,"",n);
    r=$0; if (!sub(/.*<reason><!\[CDATA\[/,"",r)) r="no reason given"; sub(/\]\]>.*/,"",r); gsub(/\n/," ",r); c[r]++; if (!(r in e)) e[r]=n }
    END { for (r in c) printf "   %d skipped: %s (%s%s)\n", c[r], r, e[r], (c[r] > 1 ? " …" : "") }' | sort -rn
}

finish() {
  trap - INT TERM
  echo "== clean-up"
  leftovers && echo "   nothing left behind" || failed=$((failed + 1))
  [ "$skipped" -gt 0 ] && { echo "== skipped"; skip_reasons; }
  $SUDO rm -rf "$WORK"
  echo "== $((SECONDS - started)) s in all"
  [ $((passed + failed)) -eq 0 ] && echo "no test ran"
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "${1:-0}" -ne 0 ] && exit "$1"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit $?
}

suite Unit 300
suite Scenarios 300
if [ $ALL -eq 1 ]; then suite Fuzz 3600; suite Interop 7200 -maxThreads 4; else suite Fuzz 240; suite Interop 480 -trait set=quick; fi
finish

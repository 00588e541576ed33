# Sourced by run.sh and test.sh: installs on Debian 12 what they need, by name, and says so.
# Callers list their needs as lines "probe package", where the probe is a command or a file that the package brings.

# Not root: SUDO is how to become it. An empty SUDO means that we already are.
SUDO=
find_sudo() {
  [ "$(id -u)" -eq 0 ] && return 0
  command -v sudo >/dev/null 2>&1 && { SUDO="sudo"; return 0; }
  echo "$0: needs root for network namespaces, packet sockets and missing packages (CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN), and there is no sudo here. Run it as root." >&2
  return 1
}

probe() { case $1 in /*|*'*'*) compgen -G "$1" >/dev/null ;; *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;; esac; }

# install_missing "LINES": installs the packages whose probe is not found. Daemons that a package would start are not started
# (policy-rc.d) nor enabled, because everything here runs its own private copies.
install_missing() {
  local missing=() what package
  while read -r what package; do
    [ -n "$what" ] || continue
    probe "$what" || missing+=("$package")
  done <<<"$1"
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null 2>&1 || { echo "$0: missing here, and this is no Debian to install them on: ${missing[*]}" >&2; return 1; }
  echo "installing Debian packages: ${missing[*]}"
  local guard=/usr/sbin/policy-rc.d mine=0
  [ -e $guard ] || { mine=1; printf '#!/bin/sh\nexit 101\n' | $SUDO tee $guard >/dev/null; $SUDO chmod 755 $guard; }
  local log; log=$(mktemp)
  local rc=0
  { $SUDO apt-get -q update && $SUDO env DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install "${missing[@]}"; } >"$log" 2>&1 || rc=1
  [ $mine -eq 1 ] && $SUDO rm -f $guard
  if [ -d /run/systemd/system ]; then
    case " ${missing[*]} " in *" rabbitmq-server "*) $SUDO systemctl disable -q rabbitmq-server 2>/dev/null ;; esac
  fi
  [ $rc -eq 0 ] || { tail -15 "$log" >&2; echo "$0: apt-get could not install them (above)." >&2; }
  rm -f "$log"
  return $rc
}

need_dotnet() {
  command -v dotnet >/dev/null 2>&1 && dotnet --list-sdks | grep -q '^10\.' && return 0
  echo "$0: needs the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0, or Microsoft's Debian package dotnet-sdk-10.0)." >&2
  return 1
}

# Builds leave no server process behind, and say nothing unless something is wrong.
build_release() {
  export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
  local log; log=$(mktemp)
  if ! dotnet build "$1" -c Release -v q -nodeReuse:false -p:UseSharedCompilation=false >"$log" 2>&1; then
    grep -E 'error|warn' "$log" | sort -u | head -40 >&2
    [ -s "$log" ] && tail -5 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

#!/bin/sh
# Takes the well-known password from the store's administrator and makes the gateway's user, over the store's HTTP interface. May run any number of times.
set -eu
node=https://store1:2113
trust=/trust/ca.crt
admin=$(cat /run/secrets/store-admin-password)
gateway=$(cat /run/secrets/store-gateway-password)

# Passwords go to curl through its standard input, never on a command line that other processes can read.
call() { # user password method path body
  {
    printf 'user = "%s:%s"\n' "$1" "$2"
    [ -z "$5" ] || printf 'data = "%s"\n' "$(printf '%s' "$5" | sed 's/"/\\"/g')"
  } | curl --silent --show-error --output /dev/null --write-out '%{http_code}' --cacert "$trust" --config - \
    --request "$3" --header 'Content-Type: application/json' "$node$4"
}

for _ in $(seq 60); do
  curl --silent --fail --output /dev/null --cacert "$trust" "$node/health/live" && break
  sleep 2
done

case $(call admin "$admin" GET /users/admin '') in
  200) ;;
  *) [ "$(call admin changeit POST /users/admin/command/reset-password "{\"newPassword\":\"$admin\"}")" = 200 ] || { echo "The administrator's password cannot be set." >&2; exit 1; } ;;
esac

case $(call admin "$admin" POST /users/ "{\"loginName\":\"gateway\",\"fullName\":\"Gateway\",\"groups\":[],\"password\":\"$gateway\"}") in
  201 | 409) ;;
  *) echo "The gateway's user cannot be made." >&2; exit 1 ;;
esac
[ "$(call admin "$admin" POST /users/gateway/command/reset-password "{\"newPassword\":\"$gateway\"}")" = 200 ] || { echo "The gateway's password cannot be set." >&2; exit 1; }
echo "The store is ready."

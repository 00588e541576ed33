#!/bin/sh
# The broker's first user comes from the secret's file.
set -eu
password=$(cat /run/secrets/broker-password)
umask 077
printf 'default_user = gateway\ndefault_pass = %s\n' "$password" > /tmp/10-user.conf
cat /etc/rabbitmq/rabbitmq.conf /tmp/10-user.conf > /tmp/rabbitmq.conf
chown rabbitmq:rabbitmq /tmp/rabbitmq.conf 2>/dev/null || true
rm -f /tmp/10-user.conf
export RABBITMQ_CONFIG_FILE=/tmp/rabbitmq.conf
exec docker-entrypoint.sh "$@"

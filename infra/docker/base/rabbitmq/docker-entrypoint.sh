#!/bin/bash
# Runs what it is told as the user rabbitmq.
set -euo pipefail
if [ "$(id -u)" = 0 ]; then
    chown rabbitmq:rabbitmq /var/lib/rabbitmq
    exec gosu rabbitmq "$@"
fi
exec "$@"

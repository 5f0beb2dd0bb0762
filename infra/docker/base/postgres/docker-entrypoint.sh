#!/bin/bash
# Makes the cluster at the first start, and runs what it is told as the user postgres.
set -euo pipefail

if [ "$(id -u)" = 0 ]; then
    chown postgres:postgres "$PGDATA"
    chmod 700 "$PGDATA"
    password=$(cat "$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD=$password
    exec gosu postgres "$0" "$@"
fi

if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --data-checksums
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    if [ "$POSTGRES_DB" != postgres ]; then
        echo "CREATE DATABASE \"$POSTGRES_DB\";" | postgres --single -D "$PGDATA" postgres >/dev/null
    fi
fi
unset POSTGRES_PASSWORD
case $1 in
    postgres) shift; exec postgres -c listen_addresses='*' "$@" ;;
    *) exec "$@" ;;
esac

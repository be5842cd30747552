#!/usr/bin/env bash
# Starts Postgres as the image postgres does: a new volume gets a cluster, the user and the database, and then the
# scripts in /docker-entrypoint-initdb.d run.
set -euo pipefail
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    initdb --encoding=UTF8 --locale=C.UTF-8 --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") \
        --auth-local=trust --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses=''" start
    createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    for script in /docker-entrypoint-initdb.d/*.sql; do
        psql --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" --set=ON_ERROR_STOP=1 --file="$script"
    done
    pg_ctl --wait --mode=fast stop
fi
exec postgres -c listen_addresses='*'

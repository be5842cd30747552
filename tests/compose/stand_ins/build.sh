#!/usr/bin/env bash
# Builds the images of docker-compose.yml with podman and without a registry: ours on a stand-in for their base image,
# and stand-ins for the third-party images. Images that exist are built again only where a layer has changed.
#   build.sh PYTHON     PYTHON provides Kafka's jars and Java runtime: the environment of requirements/dev.txt
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=$1
stand_ins=tests/compose/stand_ins

scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT

# quietly NAME COMMAND…: runs a command, and shows its output only if it fails.
quietly() {
    local log=$scratch/$1.log
    echo "Building $1"
    "${@:2}" >"$log" 2>&1 || { tail -n 40 "$log" >&2 && exit 1; }
}

build_stand_ins() {
    local context=$scratch/context java
    mkdir -p "$context/jars"
    "$python" -c '
from stream.local.distribution import fetch_distribution
java, classpath = fetch_distribution()
print(java.parents[1], *classpath.split(":"), sep="\n")' | {
        read -r java
        cp -r "$java" "$context/java"
        xargs cp -t "$context/jars"
    }
    cp "$stand_ins"/*.sh "$stand_ins"/*.py "$context"
    for name in kafka postgres prometheus alertmanager node-exporter haproxy; do
        quietly "stand-in-$name" podman build --tag "localhost/stand-in-$name" --format docker --layers --pull=never \
            --isolation chroot --network host --file "$stand_ins/Containerfile" --target "$name" "$context"
    done
}

base=$(deploy/docker/stand_in_base.sh podman)
# At the same time, because both mostly unpack and hash files on a single core.
build_stand_ins &
ENGINE=podman BASE=$base quietly "our images" deploy/docker/build.sh
wait "$!"

#!/usr/bin/env bash
# Builds the images of docker-compose.yml without a registry: ours from their Dockerfiles, on a stand-in of their base
# image, and stand-ins for the third-party images. Images that exist are built again only where a layer has changed.
#   build.sh PYTHON     PYTHON provides Kafka's jars and Java runtime: the environment of requirements/dev.txt
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=$1
stand_ins=tests/compose/stand_ins
base=localhost/python:3.13-slim # which podman finds before any registry for the name in our Dockerfiles

export base_version=${base##*:}
base_version=${base_version%-slim}

scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$scratch"' EXIT

# build NAME OPTION…: builds the image localhost/NAME; shows podman's output only if that fails.
build() {
    local log=$scratch/$1.log
    echo "Building $1"
    podman build --tag "localhost/$1" --format=docker --layers --pull=never --isolation=chroot --network=host "${@:2}" \
        >"$log" 2>&1 || { tail -n 40 "$log" >&2 && exit 1; }
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
    for name in kafka postgres prometheus alertmanager node-exporter; do
        build "stand-in-$name" --file "$stand_ins/Containerfile" --target "$name" "$context"
    done
}

build_ours() {
    # pip's configuration and certificates are those of this machine; they do not become part of the images.
    local pip=()
    for path in /etc/pip.conf /etc/ssl/certs; do
        [[ ! -e $path ]] || pip+=(--volume "$path:$path:ro")
    done
    for name in serving training; do
        build "fraud-stream-$name" "${pip[@]}" --file "deploy/docker/$name.Dockerfile" .
    done
}

if ! podman image exists "$base"; then
    echo "Building the stand-in of $base from Debian's packages"
    # As in Debian's images, dpkg does not wait for the disk.
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3-pip,python3-venv \
        --dpkgopt=force-unsafe-io --customize-hook='ln -s python3 "$1/usr/bin/python"' \
        --customize-hook='chroot "$1" python --version | grep -F "Python ${base_version:?}." >&2' \
        trixie - | podman import --quiet - "$base" >/dev/null
fi
# At the same time, because both mostly unpack and hash files on a single core.
build_stand_ins &
build_ours
wait "$!"

#!/usr/bin/env bash
# Builds the images of docker-compose.yml without a registry: ours from their Dockerfiles, on a stand-in of their base
# image, and stand-ins for the third-party images. Images that exist are built again only where a layer has changed.
#   build.sh PYTHON     PYTHON provides Kafka's jars and Java runtime: the environment of requirements/dev.txt
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=$1
stand_ins=tests/compose/stand_ins
base=docker.io/library/python:3.12-slim

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

build() {
    podman build --quiet --layers --pull=never --isolation=chroot --network=host "$@" >/dev/null
}

if ! podman image exists "$base"; then
    echo "Building the stand-in of $base from Debian's packages"
    # As in Debian's images, dpkg does not wait for the disk.
    mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3-pip,python3-venv \
        --dpkgopt=force-unsafe-io --customize-hook='ln -s python3 "$1/usr/bin/python"' \
        trixie - http://deb.debian.org/debian | podman import --quiet - "$base" >/dev/null
fi

echo "Copying Kafka's jars and the Java runtime"
mkdir "$context/jars"
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
    echo "Building the stand-in of $name"
    build --file "$stand_ins/Containerfile" --target "$name" --tag "localhost/stand-in-$name" "$context"
done

# pip's configuration and certificates are those of this machine; they do not become part of the images.
pip=()
for path in /etc/pip.conf /etc/ssl/certs; do
    [[ ! -e $path ]] || pip+=(--volume "$path:$path:ro")
done
for name in serving training; do
    echo "Building fraud-stream-$name"
    build "${pip[@]}" --file "deploy/docker/$name.Dockerfile" --tag "localhost/fraud-stream-$name" .
done

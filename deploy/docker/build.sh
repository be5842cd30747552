#!/usr/bin/env bash
# Builds the images fraud-stream-serving and fraud-stream-training.
#   ENGINE    docker, podman or buildah; by default the first one that works here
#   BASE      base image; by default the one in the Dockerfiles or, if it cannot be pulled, a stand-in made of Debian's
#             packages
set -euo pipefail
cd "$(dirname "$0")/../.."

engine=${ENGINE:-}
for each in docker podman buildah; do
    [[ $engine ]] || ! "$each" info >/dev/null 2>&1 || engine=$each
done
if [[ ! $engine ]]; then
    echo "No container engine works here; start Docker, or install podman or buildah" >&2
    exit 1
fi

options=()
if [[ $engine != docker ]]; then
    # Images in OCI format would have no health checks. With the other options, images can be built in containers too.
    options+=(--format docker --layers --isolation chroot --network host)
    # pip's configuration and certificates are those of this machine; they do not become part of the images.
    for path in /etc/pip.conf /etc/ssl/certs; do
        [[ ! -e /etc/pip.conf || ! -e $path ]] || options+=(--volume "$path:$path:ro")
    done
fi

pinned=$(sed -n 's/^FROM \(.*\) AS pinned$/\1/p' deploy/docker/serving.Dockerfile)
base=${BASE:-}
if [[ ! $base ]] && ! "$engine" pull --quiet "$pinned" >/dev/null 2>&1; then
    echo "$pinned cannot be pulled; the images get a stand-in for it" >&2
    base=$(deploy/docker/stand_in_base.sh "$engine")
fi
[[ ! $base ]] || options+=(--build-arg "BASE=$base")

for image in serving training; do
    echo "Building fraud-stream-$image with $engine"
    "$engine" build "${options[@]+"${options[@]}"}" --tag "fraud-stream-$image" \
        --file "deploy/docker/$image.Dockerfile" .
done

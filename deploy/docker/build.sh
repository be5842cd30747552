#!/usr/bin/env bash
# Builds fraud-stream-serving and fraud-stream-training, with the first of docker, podman and buildah that works here.
set -euo pipefail
cd "$(dirname "$0")/../.."

if docker info >/dev/null 2>&1; then
    engine=docker
elif podman info >/dev/null 2>&1; then
    engine=podman
elif buildah info >/dev/null 2>&1; then
    engine=buildah
else
    echo "No container engine works here; start Docker, or install podman or buildah" >&2
    exit 1
fi
for image in serving training; do
    echo "Building fraud-stream-$image with $engine"
    "$engine" build --tag "fraud-stream-$image" --file "deploy/docker/$image.Dockerfile" .
done

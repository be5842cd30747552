#!/usr/bin/env bash
# podman, but the only writable folders of a read-only container are those that docker-compose.yml names, as in Docker.
# podman-compose has no option for this.
if [[ $1 == create || $1 == run ]]; then
    exec podman "$1" --read-only-tmpfs=false "${@:2}"
fi
exec podman "$@"

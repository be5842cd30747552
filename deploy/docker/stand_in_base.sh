#!/usr/bin/env bash
# Makes an image of Debian's packages that stands in for the base of our images, python:3.13-slim, where no registry can
# be reached. An image that exists is kept. Prints its name. Images on it are for tests, and not for production.
#   stand_in_base.sh docker|podman|buildah
set -euo pipefail
engine=$1
base=localhost/python:3.13-slim # which podman finds before any registry for the name without a host

case $engine in
buildah) is_there=(buildah inspect --type image "$base") ;;
*) is_there=("$engine" image inspect "$base") ;;
esac
if "${is_there[@]}" >/dev/null 2>&1; then
    echo "$base"
    exit
fi
if ! command -v mmdebstrap >/dev/null; then
    echo "$base cannot be made: mmdebstrap is missing; install it (Debian, Ubuntu), or set BASE to an image" >&2
    exit 1
fi
echo "Making $base from Debian's packages" >&2

archive=$(mktemp)
trap 'rm -f "$archive"' EXIT
export version=${base##*:}
version=${version%-slim}
# As in Debian's own images, dpkg does not wait for the disk, and documentation and translations are left out.
mmdebstrap --quiet --format=tar --variant=minbase --include=ca-certificates,python3-pip,python3-venv \
    --dpkgopt=force-unsafe-io \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='ln -s python3 "$1/usr/bin/python"' \
    --customize-hook='chroot "$1" python --version | grep -F "Python ${version:?}." >&2' \
    trixie "$archive" >&2
if [[ $engine == buildah ]]; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$archive" / >&2
    buildah commit --quiet --rm "$container" "$base" >&2
else
    "$engine" import - "$base" <"$archive" >&2
fi
echo "$base"

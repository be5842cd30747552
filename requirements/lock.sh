#!/usr/bin/env bash
# Writes the lock files: exact versions and hashes for Python 3.11 to 3.13, Linux and macOS, from any index.
# `make lock` keeps the locked versions where it can; `make lock LOCK_OPTIONS=--upgrade` takes the newest.
set -euo pipefail
python=$1
shift

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch"
"$scratch/bin/pip" install --quiet uv

compile() {
    "$scratch/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --annotation-style line "$@"
}

cd "$(dirname "$0")/.."
# Everything first; what is installed into the same or a neighbouring process is then constrained by it.
like_dev=(-c requirements/dev.txt)
compile pyproject.toml requirements/build.in requirements/training.in \
    --extra local --extra ledger --extra http --extra tracing --extra training --extra dev -o requirements/dev.txt "$@"
compile pyproject.toml requirements/build.in --extra local --extra ledger --extra http --extra tracing --extra training "${like_dev[@]}" \
    -o requirements/demo.txt "$@"
compile pyproject.toml requirements/build.in --extra ledger --extra http --extra tracing "${like_dev[@]}" \
    -o requirements/serving.txt "$@"
compile pyproject.toml requirements/build.in requirements/training.in --extra training --extra ledger --extra archive "${like_dev[@]}" \
    -o requirements/training.txt "$@"
compile requirements/bench-quix.in -o requirements/bench-quix.txt "$@"
compile requirements/drift-lab.in -o requirements/drift-lab.txt "$@"
compile requirements/docs.in -o requirements/docs.txt "$@"
compile requirements/security.in -o requirements/security.txt "$@"

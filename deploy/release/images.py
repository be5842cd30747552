"""Builds, pushes, signs and verifies the two images of a release. `docker buildx` and `cosign` do the work.

`python -m deploy.release.images build|sign|verify` reads environment variables, which a hosted workflow sets:

- IMAGE_PREFIX: registry and folder of the images.
- SERVING_IMAGE and TRAINING_IMAGE: the pushed images by digest, which `build` prints; `sign` and `verify` read them.
- SIGNER: for `verify`, the identity in the signing certificate: the workflow's address and the tag.

Signatures are keyless: Sigstore issues a certificate for the workflow's own identity, and logs it in public.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from deploy.release.changelog import version
from deploy.release.errors import ReleaseError
from deploy.release.manifests import SERVING, TRAINING
from schemas.errors import FraudError

ROOT = Path(__file__).parents[2]
PLATFORMS = "linux/amd64,linux/arm64"
#: Who vouches for a workflow's identity.
ISSUER = "https://token.actions.githubusercontent.com"
#: Environment variable with an image's reference, by image name.
REFERENCES = {SERVING: "SERVING_IMAGE", TRAINING: "TRAINING_IMAGE"}


def variable(name: str) -> str:
    """Return an environment variable.

    Raises:
        ReleaseError: If it is missing or empty.
    """
    value = os.environ.get(name, "")
    if not value:
        raise ReleaseError(f"{name} is not set; the workflow takes it from the repository's variables")
    return value


def build() -> None:
    """Build both images for both platforms, push them, and hand their digests on to later steps of the workflow.

    Raises:
        ReleaseError: If an image cannot be built or pushed.
    """
    prefix = variable("IMAGE_PREFIX").rstrip("/")
    for image, name in REFERENCES.items():
        metadata = ROOT / "var" / "release" / f"{image}.json"
        metadata.parent.mkdir(parents=True, exist_ok=True)
        dockerfile = f"deploy/docker/{image.rpartition('-')[2]}.Dockerfile"
        _run(
            "docker", "buildx", "build", "--push", "--platform", PLATFORMS, "--tag", f"{prefix}/{image}:{version()}",
            # The workflow attests the provenance of the pushed image, and the bill of materials comes from the locks.
            "--provenance=false", "--sbom=false", "--metadata-file", str(metadata), "--file", dockerfile, ".",
        )  # fmt: skip
        digest = msgspec.json.decode(metadata.read_bytes())["containerimage.digest"]
        _hand_on(name.lower(), f"{prefix}/{image}@{digest}")
        # The action that attests the provenance wants name and digest apart.
        _hand_on(f"{name.lower()}_name", f"{prefix}/{image}")
        _hand_on(f"{name.lower()}_digest", digest)


def sign() -> None:
    """Sign both images, and attach their bills of materials as signed attestations.

    Raises:
        ReleaseError: If an image cannot be signed.
    """
    for image, name in REFERENCES.items():
        reference = variable(name)
        bill = ROOT / "var" / "sbom" / f"{image}.cdx.json"
        _run("cosign", "sign", "--yes", "--recursive", reference)
        _run("cosign", "attest", "--yes", "--type", "cyclonedx", "--predicate", str(bill), reference)


def verify() -> None:
    """Check that this repository's workflow signed both images.

    Raises:
        ReleaseError: If a signature is missing, or somebody else's.
    """
    for name in REFERENCES.values():
        identity = ("--certificate-identity", variable("SIGNER"), "--certificate-oidc-issuer", ISSUER)
        _run("cosign", "verify", *identity, variable(name))


def _hand_on(name: str, value: str) -> None:
    sys.stdout.write(f"{name}={value}\n")
    if output := os.environ.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"{name}={value}\n")


def _run(*command: str) -> None:
    """Run a program with its output."""
    called = " ".join(command[:2])
    sys.stdout.flush()
    try:
        done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 - no shell reads the arguments
    except FileNotFoundError:
        raise ReleaseError(f"{command[0]} is not installed; a release runs in the hosted workflow") from None
    if done.returncode:
        raise ReleaseError(f"{called} failed with exit code {done.returncode}; see its output above")


COMMANDS: dict[str, Callable[[], None]] = {"build": build, "sign": sign, "verify": verify}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]]()
    except FraudError as error:
        sys.exit(f"release: {error}")

"""`make manifests`: render all overlays into var/manifests and check them against Kubernetes' schemas."""

import sys
from pathlib import Path

from deploy.kubernetes.render import OVERLAYS, overlay, render, resources
from deploy.kubernetes.validation import CUSTOM, VERSIONS, problem
from schemas.errors import FraudError

OUT = Path("var") / "manifests"


def main() -> int:
    """Write one file for each overlay, and return the exit code: 1 if anything is wrong."""
    try:
        problems = [each for name in OVERLAYS for each in write(name)]
    except FraudError as error:
        problems = [str(error)]
    for each in problems:
        sys.stderr.write(f"manifests: {each}\n")
    return 1 if problems else 0


def write(name: str) -> list[str]:
    """Write the manifests of an overlay, print a line about them, and return what is wrong with them.

    Raises:
        FraudError: If the overlay cannot be rendered.
    """
    text = render(overlay(name))
    OUT.mkdir(parents=True, exist_ok=True)
    file = OUT / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    rendered = resources(text)
    checks = [problem(resource, version) for resource in rendered for version in VERSIONS]
    problems = [each for each in checks if each is not None]
    custom = sum(resource["apiVersion"] in CUSTOM for resource in rendered)
    if not problems:
        sys.stdout.write(
            f"{file}: {len(rendered) - custom} resources are valid in Kubernetes {' and '.join(VERSIONS)}; "
            f"{custom} are operators' own, without a schema\n"
        )
    return problems


if __name__ == "__main__":
    sys.exit(main())

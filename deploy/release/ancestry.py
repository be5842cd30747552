"""Whether a release's tag is on the main branch, which takes only reviewed commits."""

import subprocess
from pathlib import Path

from deploy.release.errors import ReleaseError

MAIN = "refs/remotes/origin/main"


def require_on_main(repository: Path, tag: str) -> None:
    """Check that the commit of a tag is one of main's: without this, pushing a tag would release any commit.

    Args:
        repository: Working directory of a clone with its history.
        tag: Name of the tag.

    Raises:
        ReleaseError: If it is not, or the clone lacks the tag or main.
    """
    for reference in (f"refs/tags/{tag}", MAIN):
        if not _succeeds(repository, "rev-parse", "--quiet", "--verify", reference):
            raise ReleaseError(f"this clone has no {reference}; fetch main and all tags, with the whole history")
    if not _succeeds(repository, "merge-base", "--is-ancestor", f"refs/tags/{tag}", MAIN):
        raise ReleaseError(f"the commit of {tag} is not on main; merge it, and tag the commit that is on main")


def _succeeds(repository: Path, *arguments: str) -> bool:
    """Run git, and return whether it succeeds."""
    # S603, S607: the tag is that of the version in pyproject.toml, and git is wherever the user has it.
    done = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False)  # noqa: S603, S607
    return done.returncode == 0

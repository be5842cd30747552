"""Only a commit of the main branch can be released."""

import subprocess
from pathlib import Path

import pytest

from deploy.release.ancestry import require_on_main
from deploy.release.errors import ReleaseError


def _git(folder: Path, *arguments: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "tag.gpgSign=false")
    git = ["git", *name, *arguments]
    subprocess.run(git, cwd=folder, check=True, capture_output=True)


def _commit(folder: Path, subject: str) -> None:
    _git(folder, "commit", "--quiet", "--no-gpg-sign", "--allow-empty", "--message", subject)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose origin has v1 on main, v2 on main in the past, and v3 on a branch that is not merged."""
    origin, folder = tmp_path / "origin", tmp_path / "clone"
    origin.mkdir()
    _git(origin, "init", "--quiet", "--initial-branch", "main")
    _commit(origin, "First")
    _git(origin, "tag", "--annotate", "v2", "--message", "An annotated tag is an object of its own")
    _commit(origin, "Second")
    _git(origin, "tag", "v1")
    _git(origin, "switch", "--quiet", "--create", "branch")
    _commit(origin, "Third")
    _git(origin, "tag", "v3")
    _git(tmp_path, "clone", "--quiet", "--branch", "main", str(origin), str(folder))
    return folder


@pytest.mark.parametrize("tag", ["v1", "v2"])
def test_a_tag_on_main_is_accepted(clone: Path, tag: str) -> None:
    """Main may have moved on, and the tag may be annotated; what is checked out does not matter."""
    _git(clone, "switch", "--quiet", "--detach", "v3")
    require_on_main(clone, tag)


def test_a_tag_outside_main_is_refused(clone: Path) -> None:
    """A commit that nobody reviewed is not released, even if the local main has it."""
    _git(clone, "merge", "--quiet", "v3")
    with pytest.raises(ReleaseError, match="the commit of v3 is not on main; merge it"):
        require_on_main(clone, "v3")


def test_a_clone_without_main_or_the_tag_is_an_error(clone: Path) -> None:
    """A workflow that checks out only the tag's commit could not tell."""
    with pytest.raises(ReleaseError, match="this clone has no refs/tags/v4; fetch main"):
        require_on_main(clone, "v4")
    _git(clone, "update-ref", "-d", "refs/remotes/origin/main")
    with pytest.raises(ReleaseError, match="this clone has no refs/remotes/origin/main; fetch main"):
        require_on_main(clone, "v1")

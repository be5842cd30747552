"""The kinds of places where releases run, by the name that the command line uses."""

from collections.abc import Callable, Mapping

from deploy.release.compose import ComposeTarget
from deploy.release.errors import ReleaseError
from deploy.release.kubernetes import KubernetesTarget
from deploy.release.target import ReleaseTarget

#: Makes a target from the name of the place, the image references, and the headers of requests to the programs.
Factory = Callable[[str, Mapping[str, str], Mapping[str, str]], ReleaseTarget]
TARGETS: dict[str, Factory] = {"compose": ComposeTarget, "kubernetes": KubernetesTarget}


def open_target(where: str, images: Mapping[str, str], headers: Mapping[str, str]) -> ReleaseTarget:
    """Return the target that a name such as `kubernetes/production` stands for.

    Args:
        where: Kind and name, separated by a slash.
        images: Reference of each image of the release by its name; empty to start what ran before.
        headers: Headers of requests to the programs, such as an API key.

    Raises:
        ReleaseError: If there is no such kind.
    """
    kind, _, name = where.partition("/")
    if kind not in TARGETS or not name:
        kinds = ", ".join(f"{each}/NAME" for each in TARGETS)
        raise ReleaseError(f"unknown target {where!r}; choose one of {kinds}")
    return TARGETS[kind](name, images, headers)

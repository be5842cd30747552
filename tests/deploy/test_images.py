"""Dockerfiles and the commands that run in their images."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from stream.cli import cli as stream_cli
from tests.deploy.compose import DOCKERFILES, ROOT, SERVICES, dockerfile_of
from training.cli import cli as train_cli

PROGRAMS: dict[str, click.Group] = {"fraud-stream": stream_cli, "fraud-train": train_cli}


def _commands(words: list[str]) -> Iterator[list[str]]:
    """Yield the commands of an argument list; a shell's commands are split at &&."""
    if words[:2] == ["sh", "-c"]:
        yield from (shlex.split(part) for part in words[2].split("&&"))
    else:
        yield words


def _all_commands() -> list[list[str]]:
    commands = [service["command"] for service in SERVICES.values() if "command" in service and "build" in service]
    commands += [dockerfile.command for dockerfile in DOCKERFILES.values()]
    return [command for words in commands for command in _commands(words)]


@pytest.mark.parametrize("command", _all_commands(), ids=" ".join)
def test_commands_exist(command: list[str]) -> None:
    """Each of our commands that runs in an image exists and accepts its options."""
    program, *arguments = command
    if program not in PROGRAMS:
        assert program == "mlflow"
        return
    group = PROGRAMS[program]
    with click.Context(group) as context:
        name, resolved, rest = (
            group.resolve_command(context, arguments) if arguments != ["--help"] else (None, None, [])
        )
    if resolved is not None:
        resolved.make_context(name, rest).close()  # parses, runs nothing


def test_the_command_check_can_fail() -> None:
    """A command or option that does not exist raises an error."""
    for command in (["fraud-stream", "wrker"], ["fraud-train", "baseline", "--botstrap", "x"]):
        with pytest.raises(click.UsageError):
            test_commands_exist(command)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_dockerfiles_copy_existing_files(name: str) -> None:
    """Each path that a Dockerfile copies exists, and .dockerignore does not exclude it."""
    included = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    for source in DOCKERFILES[name].copied:
        assert (ROOT / source).exists(), f"{source} does not exist"
        assert any(Path(source).match(pattern) for pattern in included), f".dockerignore excludes {source}"


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_run_without_root(name: str) -> None:
    """An image's user is a number, so that any platform can verify that the image does not run as root."""
    (user,) = DOCKERFILES[name].of("USER")
    assert int(user.partition(":")[0]) >= 1000
    assert any(f"--uid {user.partition(':')[0]} " in run for run in DOCKERFILES[name].of("RUN"))


def test_images_have_one_base_which_is_pinned_by_digest() -> None:
    """The base is an argument whose default is a digest, on a line that Dependabot updates; both images share it."""
    (bases,) = {tuple(dockerfile.bases) for dockerfile in DOCKERFILES.values()}
    assert re.fullmatch(r"python:3\.13-slim@sha256:[0-9a-f]{64}", bases[0])
    assert set(bases[1:]) == {"${BASE}"}
    for dockerfile in DOCKERFILES.values():
        argument, pinned = dockerfile.all[:2]
        assert (argument.word, argument.rest) == ("ARG", "BASE=pinned")
        assert pinned.rest.endswith(" AS pinned")


@pytest.mark.parametrize(
    ("registry", "base", "expected"),
    [
        ("answers", "", None),
        ("is-missing", "", "localhost/python:3.13-slim"),
        ("is-missing", "mirror.example.com/python:3.13-slim", "mirror.example.com/python:3.13-slim"),
    ],
)
def test_images_are_built_on_a_base_that_can_be_had(
    tmp_path: Path, registry: str, base: str, expected: str | None
) -> None:
    """The pinned base, or its stand-in (which exists here) if there is no registry; a base of one's own goes first."""
    log, engine = tmp_path / "log", tmp_path / "engine"
    pulled = int(registry == "is-missing")
    engine.write_text(f'#!/bin/sh\necho "$*" >> {log}\n[ "$1" != pull ] || exit {pulled}\n', encoding="utf-8")
    engine.chmod(0o755)
    environment = os.environ | {"ENGINE": str(engine), "BASE": base}
    subprocess.run([ROOT / "deploy/docker/build.sh"], env=environment, check=True, capture_output=True)
    builds = [line for line in log.read_text("utf-8").splitlines() if line.startswith("build ")]
    assert len(builds) == 2
    for line, name in zip(builds, ("serving", "training"), strict=True):
        assert line.endswith(f"--tag fraud-stream-{name} --file deploy/docker/{name}.Dockerfile .")
        assert re.findall(r"BASE=(\S+)", line) == ([expected] if expected else [])


def test_dependabot_updates_the_base() -> None:
    """Dependabot looks for Dockerfiles in the folder of ours."""
    configuration = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text(encoding="utf-8"))
    folders = [each["directory"] for each in configuration["updates"] if each["package-ecosystem"] == "docker"]
    assert folders == ["/deploy/docker"]


def test_images_install_their_lock_with_hashes() -> None:
    """Each image installs one lock file, checked by hash; the last stage installs no Python packages."""
    for name, dockerfile in DOCKERFILES.items():
        lock = f"requirements/{name.partition('.')[0]}.txt"
        assert lock in dockerfile.copied
        assert any(f"--require-hashes -r {lock}" in each.rest for each in dockerfile.all)
        assert not any("pip" in run for run in dockerfile.of("RUN"))


def test_the_serving_image_has_no_training() -> None:
    """The serving image contains neither our training code nor its packages."""
    assert not any(source.startswith("training") for source in DOCKERFILES["serving.Dockerfile"].copied)
    lock = (ROOT / "requirements" / "serving.txt").read_text(encoding="utf-8")
    assert not re.findall(r"^(mlflow|scikit-learn|pandas|lightgbm|xgboost\S*|matplotlib)==", lock, flags=re.MULTILINE)


def test_the_worker_has_one_health_check() -> None:
    """The worker's image and the compose file check its health at the same address."""
    worker = dockerfile_of("worker")
    assert worker is not None
    (check,) = worker.of("HEALTHCHECK")
    address = f"http://127.0.0.1:{worker.environment['FRAUD_WEB_PORT']}/healthz"
    assert address in check
    assert address in SERVICES["worker"]["healthcheck"]["test"][-1]


def test_volumes_are_writable_by_the_image_s_user() -> None:
    """Our images create the directories on which volumes are mounted, owned by their user."""
    for name in ("worker", "archive", "mlflow", "train", "watch"):
        dockerfile = dockerfile_of(name)
        assert dockerfile is not None
        created = " ".join(run for run in dockerfile.of("RUN") if "install -d -o fraud" in run)
        for mount in SERVICES[name]["volumes"]:
            assert mount.split(":")[1] in created.split()

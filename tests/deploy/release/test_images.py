"""Building, signing and verifying images. Scripts stand in for docker and cosign; no registry can be had here."""

from pathlib import Path

import pytest

from deploy.release import images
from deploy.release.changelog import version
from deploy.release.errors import ReleaseError
from deploy.release.manifests import SERVING, TRAINING, image_override

DIGESTS = {SERVING: "sha256:" + "0f" * 32, TRAINING: "sha256:" + "f0" * 32}
#: Writes its arguments, and the metadata file that buildx would write.
_PROGRAM = """\
#!/bin/sh
echo "$(basename "$0") $*" >> {log}
while [ $# -gt 1 ]; do
    if [ "$1" = --metadata-file ]; then
        case "$2" in
            *serving*) echo '{{"containerimage.digest": "{serving}"}}' > "$2" ;;
            *) echo '{{"containerimage.digest": "{training}"}}' > "$2" ;;
        esac
    fi
    shift
done
exit {code}
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The commands that were run, one per line."""
    monkeypatch.setattr(images, "ROOT", tmp_path)
    for name in ("docker", "cosign"):
        _stand_in(tmp_path, name, 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("IMAGE_PREFIX", "registry.example.com/team/")
    for image, name in images.REFERENCES.items():
        monkeypatch.setenv(name, f"registry.example.com/team/{image}@{DIGESTS[image]}")
    return tmp_path / "log"


def _stand_in(folder: Path, name: str, code: int) -> None:
    values = {"serving": DIGESTS[SERVING], "training": DIGESTS[TRAINING], "code": code, "log": folder / "log"}
    (folder / name).write_text(_PROGRAM.format(**values), encoding="utf-8")
    (folder / name).chmod(0o755)


def test_both_images_are_pushed_for_both_platforms(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The digests that buildx reports go on to the next steps, which accept them."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    images.build()
    commands = log.read_text("utf-8").splitlines()
    assert len(commands) == 2
    for command, name in zip(commands, ("serving", "training"), strict=True):
        assert command.startswith("docker buildx build --push --platform linux/amd64,linux/arm64 ")
        assert f"--tag registry.example.com/team/fraud-stream-{name}:{version()} " in command
        assert command.endswith(f"--file deploy/docker/{name}.Dockerfile .")
    handed_on = dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())
    assert handed_on["serving_image"] == f"registry.example.com/team/fraud-stream-serving@{DIGESTS[SERVING]}"
    assert handed_on["training_image_digest"] == DIGESTS[TRAINING]
    assert image_override(SERVING, handed_on["serving_image"])["digest"] == DIGESTS[SERVING]


def test_what_is_signed_is_a_digest_with_its_own_bill_of_materials(log: Path) -> None:
    """Each image is signed, and its bill of materials is attested to it."""
    images.sign()
    commands = log.read_text("utf-8").splitlines()
    assert [command.split()[1] for command in commands] == ["sign", "attest"] * 2
    for image, pair in zip((SERVING, TRAINING), (commands[:2], commands[2:]), strict=True):
        assert all(command.endswith(f"{image}@{DIGESTS[image]}") for command in pair)
        assert f"/{image}.cdx.json" in pair[1]


def test_only_this_workflows_signature_counts(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The identity is compared exactly, and a signature that cosign refuses is an error."""
    monkeypatch.setenv("SIGNER", "https://example.com/team/fraud/.github/workflows/cd.yml@refs/tags/v1.0.0")
    images.verify()
    commands = log.read_text("utf-8").splitlines()
    assert len(commands) == 2
    assert all(
        f"--certificate-identity {images.variable('SIGNER')} --certificate-oidc-issuer" in each for each in commands
    )
    _stand_in(tmp_path, "cosign", 1)
    with pytest.raises(ReleaseError, match="cosign verify failed with exit code 1"):
        images.verify()


@pytest.mark.parametrize("name", ["IMAGE_PREFIX", "SERVING_IMAGE", "SIGNER"])
def test_a_missing_variable_is_an_error(name: str, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is what a workflow passes for one that the repository does not have."""
    monkeypatch.setenv(name, "")
    with pytest.raises(ReleaseError, match=f"{name} is not set"):
        {"IMAGE_PREFIX": images.build, "SERVING_IMAGE": images.sign, "SIGNER": images.verify}[name]()
    assert not log.exists()


def test_a_missing_program_is_an_error(log: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Outside the workflow, cosign is rarely installed."""
    (tmp_path / "cosign").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReleaseError, match="cosign is not installed"):
        images.sign()
    assert not log.exists()

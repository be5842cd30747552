"""Each check of `make security` reports a planted weakness, so none of them passes because it does not look."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.security.checks import CHECKS
from deploy.security.findings import Finding
from tests.support.tool import tool

#: Parts of a token of the form of GitHub's. Joined, they would be a finding in this file.
TOKEN = ("ghp_", "x7Qm2Rb9", "Kd4Tz8Wn", "5Jc1Vf6H", "p3Ys0Lg9", "aEuB")


def _findings(check: str, root: Path) -> dict[str, list[Finding]]:
    """Run a check on a repository, and return its findings by rule."""
    found: dict[str, list[Finding]] = {}
    for finding in CHECKS[check](root):
        found.setdefault(finding.rule, []).append(finding)
    return found


def _plant(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_root_image_on_a_moving_base(tmp_path: Path) -> None:
    """A Dockerfile without a version of its base, and whose last user is root, violates rules of both linters."""
    _plant(tmp_path / "deploy/docker/serving.Dockerfile", 'FROM python:latest\nUSER root\nCMD ["python"]\n')
    found = _findings("images", tmp_path)
    assert found.keys() >= {"DL3007", "DL3002", "CKV_DOCKER_7", "CKV_DOCKER_8"}
    assert {each.subject for findings in found.values() for each in findings} == {"deploy/docker/serving.Dockerfile"}


WORKFLOW = """\
on: push
jobs:
  build:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - run: make ${{ github.event.head_commit.message }}
      - run: make ${{ github.no_such_value }}
"""


def test_a_workflow_with_an_unpinned_action(tmp_path: Path) -> None:
    """An action by tag, the default permissions, credentials left behind, injected text and a wrong name are found."""
    _plant(tmp_path / ".github/workflows/ci.yml", WORKFLOW)
    found = _findings("workflows", tmp_path)
    assert found.keys() >= {"unpinned-uses", "artipacked", "excessive-permissions", "template-injection", "expression"}
    assert found["unpinned-uses"][0].message.startswith("line 6: ")


def test_a_secret_in_a_file_and_in_the_history(tmp_path: Path) -> None:
    """A committed token is found after it was deleted, and the finding does not repeat it."""
    _plant(tmp_path / "settings.py", f'TOKEN = "{"".join(TOKEN)}"\n')
    (in_file,) = CHECKS["secrets"](tmp_path)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "settings.py"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Add"], check=True)
    subprocess.run([*git, "rm", "--quiet", "settings.py"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "Remove"], check=True)
    (in_history,) = CHECKS["secrets"](tmp_path)
    assert "commit" in in_history.message
    assert (in_file.rule, in_file.subject) == (in_history.rule, in_history.subject)
    assert "".join(TOKEN) not in f"{in_file}{in_history}"


CODE = """\
import subprocess


def run(command):
    subprocess.run(command, shell=True)
    subprocess.run(command, shell=True)  # noqa: S602 - explained
"""


def test_a_shell_command(tmp_path: Path) -> None:
    """Only the command without an explanation is found."""
    _plant(tmp_path / "stream/command.py", CODE)
    (finding,) = _findings("code", tmp_path)["B602"]
    assert finding.subject == "stream/command.py"
    assert finding.message.startswith("line 5: ")


def test_code_that_cannot_be_parsed(tmp_path: Path) -> None:
    """A file that was not checked is a finding."""
    _plant(tmp_path / "stream/broken.py", "def f(:\n")
    assert "not-parsed" in _findings("code", tmp_path)


POD = """\
apiVersion: v1
kind: Pod
metadata: {name: worker, namespace: fraud}
spec:
  hostNetwork: true
  containers:
    - {name: worker, image: fraud-stream-serving, securityContext: {privileged: true}}
"""


def test_a_privileged_pod(tmp_path: Path) -> None:
    """The manifests are checked as they are rendered."""
    tool("kubectl")
    overlay = tmp_path / "deploy/kubernetes/overlays/production"
    _plant(overlay / "kustomization.yaml", "resources: [pod.yaml]\nnamePrefix: bad-\n")
    _plant(overlay / "pod.yaml", POD)
    found = _findings("manifests", tmp_path)
    assert found.keys() >= {"CKV_K8S_16", "CKV_K8S_19"}
    assert found["CKV_K8S_16"][0].subject == "Pod.fraud.bad-worker"


METADATA = """\
Metadata-Version: 2.4
Name: evil
Version: 1.0
License-Expression: AGPL-3.0-only
"""


@pytest.mark.parametrize("package", ["evil", "absent"])
def test_a_package_under_a_forbidden_or_unknown_licence(tmp_path: Path, package: str) -> None:
    """A locked package whose licence is not allowed is found, and so is one that is not installed."""
    for lock in ("serving", "training", "demo"):
        _plant(tmp_path / f"requirements/{lock}.txt", f"{package}==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    (packages,) = (tmp_path / ".venv" / "lib").glob("python3.*/site-packages")
    _plant(packages / "evil-1.0.dist-info" / "METADATA", METADATA)
    (finding,) = CHECKS["licences"](tmp_path)
    assert finding[:2] == (("AGPL-3.0-only", "evil") if package == "evil" else ("not-installed", "absent"))

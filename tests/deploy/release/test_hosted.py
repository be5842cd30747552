"""`make release-deploy`: what a hosted workflow passes in variables reaches the command line."""

import os
import stat
from pathlib import Path

import pytest

from deploy.release import hosted
from deploy.release.errors import ReleaseError

VARIABLES = {
    "WHERE": "kubernetes/staging",
    "SERVING_IMAGE": "serving@sha256:1",
    "TRAINING_IMAGE": "training@sha256:2",
    "SMOKE_TRANSACTIONS": '{"transaction_id": "1"}\n',
    "KUBE_CONFIG": "kind: Config\n",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


def test_variables_become_options_and_private_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubeconfig is a file that only this user can reach, and that is gone afterwards."""
    ran: list[list[str]] = []

    def main(arguments: list[str]) -> None:
        ran.append(arguments)
        config = Path(os.environ["KUBECONFIG"])
        assert config.read_text("utf-8") == VARIABLES["KUBE_CONFIG"]
        assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
        assert "KUBE_CONFIG" not in os.environ
        options = dict(zip(arguments[2::2], arguments[3::2], strict=True))
        assert Path(options["--transactions"]).read_text("utf-8") == VARIABLES["SMOKE_TRANSACTIONS"]
        assert (options["--image"], options["--training-image"]) == ("serving@sha256:1", "training@sha256:2")
        assert options["--out"] == "var/release/kubernetes-staging.json"

    monkeypatch.setattr(hosted, "main", main)
    hosted.deploy()
    assert ran[0][:2] == ["deploy", "kubernetes/staging"]
    assert not Path(os.environ["KUBECONFIG"]).exists()


@pytest.mark.parametrize("name", ["WHERE", "SERVING_IMAGE", "TRAINING_IMAGE", "SMOKE_TRANSACTIONS"])
def test_a_missing_variable_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is deployed by half."""
    monkeypatch.setenv(name, "")
    monkeypatch.setattr(hosted, "main", lambda _: pytest.fail("the release began"))
    with pytest.raises(ReleaseError, match=f"{name} is not set"):
        hosted.deploy()

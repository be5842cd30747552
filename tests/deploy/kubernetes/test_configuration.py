"""Settings are valid, secrets are only referred to, and resources are what the benchmarks measured."""

import re
import tomllib

import pytest

from deploy.kubernetes.render import FOLDER, OVERLAYS, overlay, render
from deploy.release.manifests import REPLAY_SECRET
from schemas.errors import SettingsError
from stream.settings import PREFIX, Settings
from tests.deploy.compose import ROOT
from tests.deploy.kubernetes.rendered import Manifests, Workload, all_workloads, manifests
from tests.support.tool import tool


@pytest.fixture(params=OVERLAYS)
def workloads(request: pytest.FixtureRequest) -> list[Workload]:
    """All workloads of an environment, in both tracks."""
    return all_workloads(request.param)


def test_settings_are_valid(workloads: list[Workload]) -> None:
    """Every FRAUD_ variable is a setting with a valid value, and no variable of a Service can look like one."""
    for each in workloads:
        settings = each.settings
        assert settings.kafka.security_protocol == "SASL_SSL"
        assert settings.kafka.ssl_ca == f"{each.mount_path('kafka-ca')}/ca.crt"
        assert settings.log.format == "json"
        assert each.pod["enableServiceLinks"] is False


def test_an_unknown_setting_is_an_error() -> None:
    """`test_settings_are_valid` can fail: it reads the environment as a program does."""
    tool("kubectl")
    worker = Manifests(render(overlay("staging", "blue"))).workload("worker")
    worker.container["env"].append({"name": f"{PREFIX}KAFKA_BOOTSTRAPS", "value": "kafka:9092"})
    with pytest.raises(SettingsError, match="FRAUD_KAFKA_BOOTSTRAPS is not a setting"):
        _ = worker.settings


def test_slots_are_pod_names(workloads: list[Workload]) -> None:
    """Each pod has a slot of its own, and a StatefulSet's pod keeps it when it is replaced."""
    for each in workloads:
        (slot,) = (variable for variable in each.container["env"] if variable["name"] == "FRAUD_KAFKA_SLOT")
        assert slot["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert {each.resource["kind"] for each in workloads if each.component == "worker"} == {"StatefulSet"}


def test_no_file_contains_a_secret(workloads: list[Workload]) -> None:
    """No file defines a Secret, and users and passwords come from Secrets, never from a value or the ConfigMap."""
    files = [path.read_text("utf-8") for path in FOLDER.rglob("*.yaml")]
    kinds = {kind for text in files for kind in re.findall(r"^kind: (\w+)", text, flags=re.MULTILINE)}
    assert {"Service", "Job"} <= kinds
    assert "Secret" not in kinds
    secret = re.compile(r"PASSWORD|USERNAME")
    for each in workloads:
        from_secrets = {
            variable["name"] for variable in each.container["env"] if "secretKeyRef" in variable.get("valueFrom", {})
        }
        assert {name for name in each.environment if secret.search(name)} == from_secrets


def test_each_program_has_only_its_own_secrets(workloads: list[Workload]) -> None:
    """Each program has its own user on Kafka; only the ledger and `watch` have the database's password."""
    for each in workloads:
        expected = {("kafka-ca", ""), (f"kafka-{each.component}", "username"), (f"kafka-{each.component}", "password")}
        if each.component in {"ledger", "watch"}:
            expected.add(("ledger-database", "password"))
        if each.component == "http":
            expected.add(("http-keys", ""))
            assert each.settings.http.keys == f"{each.mount_path('keys')}/keys.json"
            assert each.settings.http.host == "0.0.0.0"  # noqa: S104 - within the pod
        assert each.secrets == expected


def test_images_are_of_this_version(workloads: list[Workload]) -> None:
    """Without a release, the overlays run the images of the project's own version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {each.container["image"].partition(":")[2] for each in workloads} == {version}


def test_resources_have_requests_and_a_memory_limit(workloads: list[Workload]) -> None:
    """CPU is not limited, because a limit would slow a program down just when it has to catch up."""
    for each in workloads:
        resources = each.container["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}
        assert resources["limits"].keys() == {"memory"}
        assert _mib(resources["limits"]["memory"]) > _mib(resources["requests"]["memory"])


def test_resources_come_from_the_benchmarks(workloads: list[Workload]) -> None:
    """The figures in the manifests' comments are those of docs/benchmarks.md, and the requests cover them."""
    figures = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
    assert "| resident memory with three models | 272 MiB |" in figures
    assert "| CPU time per transaction in µs, including start-up | 16.5 | 24.0 | 32.1 | 39.6 |" in figures
    assert "| time from start to first decision; time to stop | 3.5 s; 1.4 s |" in figures
    assert "| | 32 | 7,140 |" in figures
    assert "resident memory 254 MiB; 43 µs of CPU time per row" in figures
    assert re.search(r"284,807 rows .+ 497 MiB", figures)
    batches_mib = 3 * Settings().kafka.batch_max_mib
    cache_mib = Settings().http.idempotency_entries * 2_000 / 2**20
    archive_mib = 600 + 100
    needed = {
        "worker": 272 + 14 + batches_mib,
        "http": 272 + cache_mib,
        "archive": archive_mib,
        "ledger": 254,
        "watch": 497,
    }
    for each in workloads:
        assert _mib(each.container["resources"]["requests"]["memory"]) >= needed.get(each.component, 0)


def _mib(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([MG]i)", quantity).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def test_the_guide_lists_every_secret() -> None:
    """The guide's table has the Secrets that the manifests and a release refer to, with the keys that they read."""
    page = (ROOT / "docs" / "how-to" / "deploy-kubernetes.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.+`) \| (`.+`) \| .+ \|$", page.partition("## Secrets")[2], re.MULTILINE)
    listed = {name: set(re.findall(r"`(.+?)`", keys)) for names, keys in rows for name in re.findall(r"`(.+?)`", names)}
    # Mounted Secrets have no key in the manifests: their programs read these files.
    files = {"kafka-ca": "ca.crt", "http-keys": "keys.json"}
    needed: dict[str, set[str]] = {}
    shared = manifests("production", "shared")
    (access,), (monitor,) = (
        shared.of("TriggerAuthentication"),
        [each for each in shared.of("ServiceMonitor") if each["metadata"]["name"] == "http"],
    )
    credentials = monitor["spec"]["endpoints"][0]["authorization"]["credentials"]
    for name, key in (
        *(secret for each in all_workloads("production") for secret in each.secrets),
        *((each["name"], each["key"]) for each in access["spec"]["secretTargetRef"]),
        (credentials["name"], credentials["key"]),
        # Of the pod that a release starts.
        *((REPLAY_SECRET, key) for key in ("username", "password")),
    ):
        needed.setdefault(name, set()).add(key or files[name])
    assert listed == needed

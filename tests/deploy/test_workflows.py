"""The hosted CI's workflows: pinned, with the least permissions, and without logic that only the hosted CI runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.hosted_ci import LEFT_OUT, WORKFLOW, steps
from deploy.security.findings import read_exceptions, without_exceptions
from deploy.security.workflows import workflow_findings

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted(WORKFLOW.parent.glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
TEXT = WORKFLOW.read_text("utf-8")
#: An action by commit, with its version as a comment.
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
#: A workflow that another one calls: one of the same commit.
_CALLED = {f"./{path.relative_to(ROOT)}" for path in WORKFLOWS}


def _problems(text: str) -> Iterator[str]:
    """Yield what is wrong with a workflow."""
    for action in re.findall(r"\buses: *(.+)", text):
        if action not in _CALLED and not _PINNED.fullmatch(action):
            yield f"{action} is not pinned by commit, with its version as a comment"
    workflow = yaml.safe_load(text)
    if workflow.get("permissions") not in ({}, {"contents": "read"}):
        yield "the workflow's own permissions are more than contents: read"
    for name, job in workflow["jobs"].items():
        # The jobs of a called workflow have their own time limits, and steps.
        stated = ("permissions",) if "uses" in job else ("permissions", "timeout-minutes")
        yield from (f"{name} does not state its {key}" for key in stated if key not in job)
        yield from (f"{name}: {problem}" for problem in (_call_problems if "uses" in job else _job_problems)(job))
    for step in steps(workflow):
        try:
            if step.target not in TARGETS:
                yield f"{step.job} runs make {step.target}, which does not exist"
        except ValueError as error:
            yield str(error)


def _call_problems(job: dict[str, Any]) -> Iterator[str]:
    if "secrets" in job:
        yield "the called workflow gets secrets"


def _job_problems(job: dict[str, Any]) -> Iterator[str]:
    runners = job["strategy"]["matrix"]["os"] if "matrix.os" in job["runs-on"] else [job["runs-on"]]
    yield from (f"{runner} names no version" for runner in runners if runner.endswith("-latest"))
    for step in job["steps"]:
        checkout = step.get("uses", "").startswith("actions/checkout@")
        if checkout and step.get("with", {}).get("persist-credentials") is not False:
            yield "the checkout leaves its credentials behind"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_are_pinned_and_least_privileged_and_run_make_targets(path: Path) -> None:
    """Actions by commit, permissions and a time limit for each job, no stored credentials, and only make targets."""
    assert list(_problems(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "checkout@v7"), "checkout@v7 is not pinned"),
        ((" # v7.0.1", ""), "is not pinned"),
        (("permissions:\n  contents: read", "permissions: write-all"), "the workflow's own permissions"),
        (("permissions:\n  contents: read\n", ""), "the workflow's own permissions"),
        (("    permissions:\n      contents: read\n", ""), "style does not state its permissions"),
        (("    timeout-minutes: 15\n", ""), "style does not state its timeout-minutes"),
        (("persist-credentials: false", "persist-credentials: true"), "style: the checkout leaves its credentials"),
        (("runs-on: ubuntu-24.04", "runs-on: ubuntu-latest"), "style: ubuntu-latest names no version"),
        (("[ubuntu-24.04, macos-15]", "[ubuntu-24.04, macos-latest]"), "unit: macos-latest names no version"),
        (("run: make style", "run: make stile"), "style runs make stile, which does not exist"),
        (("run: make style", "run: make style || true"), "style runs 'make style || true'; run a make target instead"),
        (("run: make style", "run: .venv/bin/ruff check"), "run a make target instead"),
        (("run: make style", "run: |\n          make style\n          make types"), "run a make target instead"),
    ],
)
def test_a_bad_workflow_is_reported(change: tuple[str, str], problem: str) -> None:
    """The test above can fail: each of these changes to the workflow is reported."""
    assert change[0] in TEXT
    assert any(problem in each for each in _problems(TEXT.replace(*change)))


@pytest.mark.parametrize(
    ("job", "problem"),
    [
        ("{uses: ./.github/workflows/ci.yml}", "ci does not state its permissions"),
        ("{uses: ./.github/workflows/ci.yml, permissions: {}, secrets: inherit}", "ci: the called workflow gets secr"),
        ("{uses: ./.github/workflows/cj.yml, permissions: {}}", "cj.yml, permissions: {}} is not pinned"),
        ("{uses: owner/name/.github/workflows/ci.yml@main, permissions: {}}", "is not pinned"),
    ],
)
def test_a_bad_call_of_a_workflow_is_reported(job: str, problem: str) -> None:
    """A called workflow is one of this repository, and gets no secrets."""
    assert any(problem in each for each in _problems(f"permissions: {{}}\njobs:\n  ci: {job}\n"))


def test_every_commit_of_main_keeps_its_result() -> None:
    """Runs of one group cancel each other, waiting ones too, so only those of one pull request share a group."""
    group = yaml.safe_load(TEXT)["concurrency"]
    assert group == {
        "group": "ci-${{ github.ref }}-${{ github.event_name == 'pull_request' && 'newest' || github.sha }}",
        "cancel-in-progress": "${{ github.event_name == 'pull_request' }}",
    }


@pytest.mark.integration  # needs .venv-security
def test_actionlint_and_zizmor_accept_the_workflows() -> None:
    """Except with a reason. tests/deploy/security/test_planted.py shows that they can refuse one."""
    assert without_exceptions(workflow_findings(ROOT), read_exceptions()) == []


def test_the_hosted_ci_checks_everything() -> None:
    """No kind of check is missing, and each target that `make ci` leaves out is one of the hosted CI's."""
    targets = {step.target for step in steps(yaml.safe_load(TEXT))}
    assert targets >= {"style", "types", "test-unit", "test", "validate-model", "security", "audit", "docs", "images"}
    assert targets >= LEFT_OUT.keys()


def test_the_unit_tests_run_on_every_supported_python() -> None:
    """The versions are those of pyproject.toml's classifiers, on Linux and macOS."""
    matrix = yaml.safe_load(TEXT)["jobs"]["unit"]["strategy"]["matrix"]
    classifiers = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8")
    )
    assert matrix["python"] == classifiers
    assert {runner.partition("-")[0] for runner in matrix["os"]} == {"ubuntu", "macos"}


CD = yaml.safe_load((WORKFLOW.parent / "cd.yml").read_text("utf-8"))
JOBS = CD["jobs"]


def _step(job: str, target: str) -> dict[str, Any]:
    """Return the step of a release's job that runs a make target."""
    (step,) = (each for each in JOBS[job].get("steps", ()) if each.get("run") == f"make {target}")
    return dict(step)


def test_a_release_begins_with_a_tag_and_is_never_cancelled() -> None:
    """Only tags of versions release anything (`on` is a boolean in YAML 1.1), one after the other."""
    assert CD[True] == {"push": {"tags": ["v*"]}}
    assert CD["concurrency"] == {"group": "cd", "cancel-in-progress": False}


def test_a_release_has_passed_the_whole_ci_and_is_on_main() -> None:
    """The CI that accepts a pull request accepts the tag's commit, and each job that checks the tag sees main."""
    assert JOBS["ci"]["uses"] == f"./{WORKFLOW.relative_to(ROOT)}"
    assert "workflow_call" in yaml.safe_load(TEXT)[True]
    checking = [job for job in JOBS.values() if {"make release-notes"} <= {s.get("run") for s in job.get("steps", ())}]
    assert checking == [JOBS["check"], JOBS["publish"]]
    for job in checking:
        assert job["steps"][0]["with"]["fetch-depth"] == 0


def test_a_release_reaches_production_only_through_staging_and_approval() -> None:
    """Each job needs the one before it; the environments have the secrets, and production has reviewers."""
    needs = {name: job.get("needs", []) for name, job in JOBS.items()}
    assert needs == {
        "ci": [],
        "check": [],
        "images": ["ci", "check"],
        "staging": "images",
        "production": ["images", "staging"],
        "publish": "production",
    }
    assert {name: job["environment"] for name, job in JOBS.items() if "environment" in job} == {
        "staging": "staging",
        "production": "production",
    }


def test_what_is_deployed_is_what_was_signed() -> None:
    """Both environments verify and deploy the digests of the build, in this order, and differ only in their name."""
    names = [step.get("run") for step in JOBS["images"]["steps"] if "run" in step]
    assert names == ["make sbom", "make release-images", "make release-sign"]
    for job in ("staging", "production"):
        runs = [step["run"] for step in JOBS[job]["steps"] if "run" in step]
        assert runs == ["make release-verify", "make release-deploy"]
        for target in ("release-verify", "release-deploy"):
            variables = _step(job, target)["env"]
            assert variables["SERVING_IMAGE"] == "${{ needs.images.outputs.serving }}"
            assert variables["TRAINING_IMAGE"] == "${{ needs.images.outputs.training }}"
        assert _step(job, "release-deploy")["env"]["WHERE"] == f"kubernetes/{job}"
    as_staging = yaml.safe_dump(JOBS["production"]["steps"]).replace("production", "staging")
    assert as_staging == yaml.safe_dump(JOBS["staging"]["steps"])


def test_each_right_of_a_release_is_in_the_one_job_that_needs_it() -> None:
    """Signing needs an identity token, publishing writes; the jobs that reach the clusters can do neither."""
    rights = {
        name: {right for right, level in job["permissions"].items() if level == "write"} for name, job in JOBS.items()
    }
    assert rights == {
        "ci": set(),
        "check": set(),
        "images": {"id-token", "attestations"},
        "staging": set(),
        "production": set(),
        "publish": {"contents"},
    }


def test_no_registry_is_named_and_no_secret_is_seen_by_more_than_its_step() -> None:
    """The registry is a variable of the repository; secrets are variables of single steps."""
    text = (WORKFLOW.parent / "cd.yml").read_text("utf-8")
    assert set(re.findall(r" registry: (.+)", text)) == {"${{ vars.REGISTRY }}"}
    assert _step("images", "release-images")["env"]["IMAGE_PREFIX"] == "${{ vars.IMAGE_PREFIX }}"
    assert "env" not in CD
    assert not any("env" in job for job in JOBS.values())


def test_dependabot_covers_packages_actions_and_images() -> None:
    """Each kind has a folder that exists, and new versions wait a week."""
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text("utf-8"))["updates"]
    kinds = {each["package-ecosystem"] for each in updates}
    assert kinds == {"pip", "github-actions", "docker", "docker-compose"}
    for each in updates:
        for folder in each.get("directories", [each.get("directory")]):
            assert (ROOT / folder.strip("/")).is_dir()
        assert each["cooldown"]["default-days"] >= 7

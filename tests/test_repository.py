"""The files that contributors and editors read: they parse, and they agree with the Makefile and the code."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = ("CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
#: Kinds of fields of GitHub's issue forms.
FIELDS = {"checkboxes", "dropdown", "input", "markdown", "textarea"}


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def _tracked() -> list[Path]:
    """Return the project's files: those that git tracks or would track."""
    git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", PAGES)
def test_links_and_make_targets_exist(name: str) -> None:
    """Each link into the project leads to a file, and each `make` command names a target of the Makefile."""
    text = (ROOT / name).read_text("utf-8")
    links = [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in links if not (ROOT / target.partition("#")[0]).exists()] == []
    targets = re.findall(r"(?:`|\$ )make (?:[A-Z]+=\S+ )?([a-z-]+)", text)
    assert [target for target in targets if not re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)] == []


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    """The first section is `Unreleased`, and its subsections are those of Keep a Changelog."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_hooks_run_the_projects_own_pinned_programs() -> None:
    """Each pre-commit hook runs a program of .venv that the lock file pins, and mypy checks what `make lint` checks."""
    repos = _yaml(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in repos] == ["local"]
    hooks = {hook["id"]: hook for hook in repos[0]["hooks"]}
    locked = (ROOT / "requirements" / "dev.txt").read_text("utf-8")
    for hook in hooks.values():
        program = shlex.split(hook["entry"])[0]
        assert program.startswith(".venv/bin/")
        assert re.search(rf"^{Path(program).name}==", locked, re.MULTILINE)
    checked = re.search(r"^CODE := (.+)$", MAKEFILE, re.MULTILINE)
    assert checked is not None
    assert hooks["mypy"]["entry"].split()[1:] == checked[1].split()


def test_issue_forms_have_the_fields_that_github_requires() -> None:
    """Each form has a name, a description and fields of known kinds with unique ids and labels."""
    forms = [path for path in FORMS if path.name != "config.yml"]
    assert len(forms) >= 2
    for path in forms:
        form = _yaml(path)
        assert form["name"]
        assert form["description"]
        assert {field["type"] for field in form["body"]} <= FIELDS
        inputs = [field for field in form["body"] if field["type"] != "markdown"]
        assert all(field["attributes"]["label"] for field in inputs)
        assert len({field["id"] for field in inputs}) == len(inputs) >= 1
    assert _yaml(ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": False}


def test_files_are_as_the_editor_configuration_says() -> None:
    """All text files end with a newline, and only those that .editorconfig exempts have tabs or trailing spaces."""
    config = configparser.ConfigParser()
    config.read_string("[top]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    assert config["top"]["root"] == "true"
    assert config["*"]["insert_final_newline"] == config["*"]["trim_trailing_whitespace"] == "true"
    assert config["*"]["end_of_line"] == "lf"
    exempt = {f"*{path.suffix}" for path in _tracked()} & set(config.sections())
    exempt = {section for section in exempt if config[section].get("trim_trailing_whitespace", "true") != "true"}
    wrong = []
    for path in _tracked():
        content = path.read_bytes()
        if b"\0" in content or not content:
            continue
        indented_with_tabs = path.name != "Makefile" and re.search(rb"^ *\t", content, re.MULTILINE)
        trailing_space = f"*{path.suffix}" not in exempt and re.search(rb"[ \t]$", content, re.MULTILINE)
        if indented_with_tabs or trailing_space or b"\r\n" in content or not content.endswith(b"\n"):
            wrong.append(str(path.relative_to(ROOT)))
    assert wrong == []

"""`make sbom`: a bill of materials of each image's packages and of the wheel, in CycloneDX, as var/sbom/*.cdx.json.

The lock files are the source, and not an environment: the result is that of the images' platform on any machine, and
the same commit gives the same files. The packages of the images' base are not included; its digest identifies them.
"""

import hashlib
import json
import re
import sys
import tempfile
import tomllib
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deploy.security.licences import installed_licences
from deploy.security.locks import Package, locked
from deploy.security.programs import ROOT, run
from deploy.wheel import OUT as WHEELS
from deploy.wheel import commit_time

OUT = ROOT / "var" / "sbom"
SPEC = "1.6"
#: Our own package, as lock files name it.
OURS = "fraud-stream (pyproject.toml)"
_EXPRESSION = re.compile(r"[A-Za-z0-9.-]+( (AND|OR|WITH) [A-Za-z0-9.-]+)*")
#: Exits with 1 and the reason if the standard input is not CycloneDX. It runs in .venv-security.
_VALIDATE = f"""
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.from_version("{SPEC}")).validate_str(open(sys.argv[1]).read()))
"""


def main() -> None:
    """Write the three files, and print their paths."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    version = project["version"]
    licences = installed_licences(ROOT / ".venv" / "bin" / "python")
    serving, training = (list(locked(ROOT / "requirements" / f"{name}.txt")) for name in ("serving", "training"))
    own = package_component("fraud-stream", version, project["license"])
    boms = {
        f"fraud-stream-{name}": bill(image(f"fraud-stream-{name}", version), own, packages, licences)
        for name, packages in (("serving", serving), ("training", training))
    }
    wheel = WHEELS / f"fraud_stream-{version}-py3-none-any.whl"
    digest = {"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    direct = {re.split(r"[><=\[;]", requirement)[0] for requirement in project["dependencies"]}
    boms[wheel.stem] = bill(None, own | {"hashes": [digest]}, closure(direct, serving), licences)
    OUT.mkdir(parents=True, exist_ok=True)
    for name, bom in boms.items():
        path = OUT / f"{name}.cdx.json"
        path.write_text(checked(bom), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}: {len(bom['components'])} components\n")


def bill(
    root: dict[str, Any] | None, own: dict[str, Any], packages: Sequence[Package], licences: Mapping[str, str]
) -> dict[str, Any]:
    """Return a bill of materials.

    Args:
        root: Component of the image that contains our package; None for the package alone.
        own: Component of our package.
        packages: The packages that are installed with it.
        licences: Stated licence by package name.
    """
    components = {each.name: package_component(each.name, each.version, licences.get(each.name)) for each in packages}
    for each in packages:
        components[each.name]["externalReferences"] = [accepted_files(each, components[each.name]["purl"])]
    # A package that no other one requires comes from one of the files that `make lock` reads besides pyproject.toml.
    requirers = {each.name: each.required_by or {"root"} for each in packages}
    refs = {name: component["bom-ref"] for name, component in components.items()}
    subject = root or own
    refs |= {OURS: own["bom-ref"], "root": subject["bom-ref"]}
    edges: dict[str, set[str]] = {ref: set() for ref in refs.values()}
    if root is not None:
        edges[root["bom-ref"]].add(own["bom-ref"])
    for name, parents in requirers.items():
        for parent in parents & refs.keys():
            edges[refs[parent]].add(refs[name])
    listed = ([own] if root is not None else []) + [components[name] for name in sorted(components)]
    moment = datetime.fromtimestamp(commit_time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    bom = {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {"timestamp": moment, "component": subject},
        "components": listed,
        "dependencies": [{"ref": ref, "dependsOn": sorted(edges[ref])} for ref in sorted(edges)],
    }
    # The serial number identifies the content: equal content has an equal number.
    return bom | {"serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(bom, sort_keys=True)).urn}


def image(name: str, version: str) -> dict[str, Any]:
    """Return the component of an image."""
    return {"type": "container", "bom-ref": name, "name": name, "version": version}


def package_component(name: str, version: str, licence: str | None) -> dict[str, Any]:
    """Return the component of a Python package; an unknown licence is left out."""
    purl = f"pkg:pypi/{name}@{version}"
    component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence is not None and licence != "UNKNOWN":
        is_expression = _EXPRESSION.fullmatch(licence)
        component["licenses"] = [{"expression": licence} if is_expression else {"license": {"name": licence}}]
    return component


def accepted_files(package: Package, purl: str) -> dict[str, Any]:
    """Return the reference to a package's files: which one is installed depends on the platform."""
    return {
        "type": "distribution",
        "url": purl,
        "comment": "The SHA-256 of each file of this version that may be installed",
        "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
    }


def closure(names: Collection[str], packages: Sequence[Package]) -> list[Package]:
    """Return the named packages and everything that they require, in the given order."""
    wanted = set(names)
    while more := {each.name for each in packages if each.required_by & wanted} - wanted:
        wanted |= more
    return [each for each in packages if each.name in wanted]


def checked(bom: Mapping[str, Any]) -> str:
    """Return a bill of materials as text.

    Raises:
        FraudError: If CycloneDX's schema does not allow it.
    """
    text = json.dumps(bom, indent=2, sort_keys=True) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bom.json"
        path.write_text(text, encoding="utf-8")
        run("python", "-c", _VALIDATE, path, folder=Path(folder))
    return text


if __name__ == "__main__":
    main()

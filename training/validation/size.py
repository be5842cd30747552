"""Check the size of a bundle."""

from pathlib import Path

from schemas.manifest import MODEL_NAME
from training.validation.check import CheckResult, judged
from training.validation.thresholds import SizeLimits

_MB = 1e6


def check_size(directory: Path, limits: SizeLimits) -> CheckResult:
    """Add up the sizes of all files of a bundle."""
    total = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) / _MB
    model = (directory / MODEL_NAME).stat().st_size / _MB
    problems = [f"{total:.1f} MB, more than {limits.max_mb:g} MB"] if total > limits.max_mb else []
    text = f"{total:.2f} MB, of which the model {model:.2f} MB"
    return judged("size", problems, text, {"bundle_mb": total, "model_mb": model})

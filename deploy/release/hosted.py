"""`make release-deploy`: deploy with what a hosted workflow has in its environment instead of in files.

Reads WHERE (such as kubernetes/staging), SERVING_IMAGE, TRAINING_IMAGE, SMOKE_TRANSACTIONS (JSON lines), and for a
cluster KUBE_CONFIG, the text of a kubeconfig. It is in a file that only this user can read, while the release lasts.
"""

import os
import sys
import tempfile
from pathlib import Path

from deploy.release.__main__ import main
from deploy.release.images import variable
from schemas.errors import FraudError

#: Where the record goes, which the workflow keeps.
OUT = Path("var") / "release"


def deploy() -> None:
    """Run `deploy` with options from the environment, and exit with its code.

    Raises:
        FraudError: If a variable is missing, or the release cannot start.
    """
    where = variable("WHERE")
    with tempfile.TemporaryDirectory(prefix="fraud-release-") as directory:
        # Only this user may enter the directory.
        transactions, config = Path(directory) / "transactions.jsonl", Path(directory) / "kubeconfig"
        transactions.write_text(variable("SMOKE_TRANSACTIONS"), encoding="utf-8")
        if text := os.environ.pop("KUBE_CONFIG", ""):
            config.write_text(text, encoding="utf-8")
            os.environ["KUBECONFIG"] = str(config)
        main([
            "deploy", where,
            "--image", variable("SERVING_IMAGE"),
            "--training-image", variable("TRAINING_IMAGE"),
            "--transactions", str(transactions),
            "--out", str(OUT / f"{where.replace('/', '-')}.json"),
        ])  # fmt: skip


if __name__ == "__main__":
    try:
        deploy()
    except FraudError as error:
        sys.exit(f"release: {error}")

"""Programs of other people's packages: where they are, or what installs them."""

import shutil

#: By program, the Debian package that holds it.
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "chromium": "chromium",
}


def find(program: str) -> str | None:
    """Return a program's path, None where it is not installed."""
    return shutil.which(program)


def missing(program: str) -> str:
    """Say in one line that a program is not there, and the mend."""
    return f"no {program} here: apt-get install {PACKAGES[program]}"

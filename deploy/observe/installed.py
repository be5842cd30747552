"""Third-party programs: their paths, or the packages that install them."""

import shutil

#: Debian package by program.
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "chromium": "chromium",
    "haproxy": "haproxy",
    "kubectl": "kubernetes-client",
}


def find(program: str) -> str | None:
    """Return a program's path; None if it is not installed."""
    return shutil.which(program)


def not_installed(program: str) -> str:
    """Return an error message that says how to install a program."""
    return f"{program} is not installed; run apt-get install {PACKAGES[program]}"

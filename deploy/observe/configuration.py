"""Configuration of Prometheus and Alertmanager on this machine: the files in deploy/prometheus with other addresses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1] / "prometheus"
#: Address of the ledger in these files.
_LEDGER = "http://ledger:6068"


def prometheus_config(targets: Mapping[str, str], *, alertmanager: str | None = None, scrape_s: int = 2) -> str:
    """Return prometheus.yml for this machine.

    Args:
        targets: host:port by job name. Other jobs are left out, because their programs do not run here.
        alertmanager: host:port of Alertmanager, if it runs.
        scrape_s: Seconds between two scrapes, and between two evaluations of the rules.
    """
    config: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    every = f"{scrape_s}s"
    config["global"] = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    alertmanagers = [] if alertmanager is None else [_static(alertmanager)]
    config["alerting"]["alertmanagers"] = alertmanagers
    # Only the addresses change, and the key is dropped because the HTTP edge on this machine requires no key.
    left_out = {"authorization", "dns_sd_configs", "static_configs"}
    config["scrape_configs"] = [
        {name: value for name, value in job.items() if name not in left_out} | _static(targets[job["job_name"]])
        for job in config["scrape_configs"]
        if job["job_name"] in targets
    ]
    return yaml.safe_dump(config, sort_keys=False)


def alertmanager_config(ledger: str) -> str:
    """Return alertmanager.yml with the ledger's address, host:port."""
    return (FOLDER / "alertmanager.yml").read_text(encoding="utf-8").replace(_LEDGER, f"http://{ledger}")


def _static(address: str) -> dict[str, Any]:
    return {"static_configs": [{"targets": [address]}]}

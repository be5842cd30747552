"""Grafana dashboards as code. `python -m deploy.grafana` writes their JSON; a test fails if the JSON is stale."""

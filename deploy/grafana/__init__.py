"""Grafana's dashboards as code. `python -m deploy.grafana` writes them; a test fails when they are stale."""

"""Tests of `deploy.grafana`."""

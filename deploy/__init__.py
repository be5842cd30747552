"""Deployment: the demo, container images, monitoring and dashboards."""

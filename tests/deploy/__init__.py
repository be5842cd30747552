"""Tests of deployment: compose file, images, monitoring, dashboards and the demo. They need no container engine."""

"""Tests of the deployment: compose file, images, monitoring, dashboards and demo. No container engine is needed."""

"""Tests of the Kubernetes manifests, rendered by kubectl without a cluster."""

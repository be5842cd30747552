"""Manifests for Kubernetes: kustomize base and overlays, and the programs that generate, render and check them."""

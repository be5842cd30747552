"""Bundles, ONNX sessions, the bundle store and who holds which role (floor 2)."""

"""Loading models: the bundle audit, ONNX sessions, the bundle store and the role loader.

This package belongs to floor 2 of the import order in docs/architecture.md.
"""

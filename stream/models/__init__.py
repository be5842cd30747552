"""Models (floor 2): bundle audit, ONNX sessions, bundle store and role loader."""

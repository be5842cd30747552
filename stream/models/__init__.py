"""Models (floor 2): the bundle audit, ONNX sessions, the bundle store and the role loader."""

"""Model families, resampling, calibration, and their ONNX graphs."""

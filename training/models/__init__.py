"""Model families, resampling and calibration, with their ONNX graphs."""

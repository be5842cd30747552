"""Model families, resampling, calibration, and the one road to ONNX."""

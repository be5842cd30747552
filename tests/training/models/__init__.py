"""Tests of the model families, resampling, calibration and ONNX graphs."""

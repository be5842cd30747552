"""`make demo`: real card transactions through a real Kafka, scored by ONNX models and decided exactly once."""

"""Tests of `stream.kafka`, and of the proxy that the fault tests use."""

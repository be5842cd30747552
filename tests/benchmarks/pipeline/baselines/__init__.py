"""Tests of the baselines with which the pipeline benchmark compares the worker."""

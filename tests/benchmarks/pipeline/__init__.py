"""Tests of the pipeline benchmark."""

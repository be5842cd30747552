"""Evaluation: specifications."""

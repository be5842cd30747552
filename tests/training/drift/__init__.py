"""Drift at training and over files: specifications."""

"""Drift at training and over files, and the watch over a champion's errors: specifications."""

"""Exploratory data analysis before training: one self-contained HTML page with plots."""

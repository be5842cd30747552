"""Exploratory data analysis before training: one HTML page with plots, no resources from elsewhere."""

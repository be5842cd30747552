"""Validation of a bundle before it may take a role: checks against limits, and a report. One check per file."""

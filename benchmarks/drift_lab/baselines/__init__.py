"""Runs other drift detectors on the lab's windows, with the detectors' default settings."""

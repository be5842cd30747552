"""Other drift detectors on the lab's windows, with their default settings."""

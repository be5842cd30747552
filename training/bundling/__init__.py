"""From a fitted model to a bundle."""

"""The study: which models are tried, on what, how long, and which of them is chosen."""

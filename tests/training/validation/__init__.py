"""Tests of the validation, on real bundles: good ones, and one bad one for each check."""

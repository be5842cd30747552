"""Tests of the registry: versions, cards, promotion and its history."""

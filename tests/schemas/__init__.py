"""Tests of `schemas`: codecs and published contracts."""

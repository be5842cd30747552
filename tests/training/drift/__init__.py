"""Tests of drift reports on files, and of the concept drift monitor."""

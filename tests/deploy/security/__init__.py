"""Tests of `deploy.security`."""

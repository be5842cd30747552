"""Tests of faults and bad input on a real Kafka: nothing is lost or repeated, and scoring resumes soon."""

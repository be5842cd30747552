"""Programs on this machine: a local Kafka, child processes, and a stack of both (floor 3)."""

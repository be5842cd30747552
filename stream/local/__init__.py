"""Programs on this machine: a local Kafka, child processes, and a stack that combines them (floor 3)."""

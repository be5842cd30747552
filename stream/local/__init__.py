"""A Kafka broker and our programs as child processes on this machine (floor 3)."""

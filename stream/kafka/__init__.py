"""Everything that talks to Kafka: client configuration, topics, batch source and sinks (floor 3)."""

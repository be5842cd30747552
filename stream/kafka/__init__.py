"""All code that talks to Kafka: client configuration, topics, the batch source and the sinks (floor 3)."""

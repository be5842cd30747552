"""All code that talks to Kafka: client configuration, topics, the batch source and the sinks.

This package belongs to floor 3 of the import order in docs/architecture.md.
"""

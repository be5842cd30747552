"""The Kafka floor: broker, child process, proxy."""

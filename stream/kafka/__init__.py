"""Everything that speaks Kafka (floor 3); the only place that imports confluent_kafka."""

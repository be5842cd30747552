"""The decision itself (floor 1): features, policy, scorer, reasons. No I/O, no clock, no Kafka."""

"""Faults and bad input on a real Kafka: nothing lost, nothing twice, and soon at work again."""

"""What whoever decides has in common, on Kafka or over HTTP: the roles in use, and what was counted under them."""

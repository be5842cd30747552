"""What tests stand on: a broker for the session, a proxy that loses replies, a worker process, topics."""

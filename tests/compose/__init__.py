"""docker-compose.yml, brought up for real: `make test-compose`."""

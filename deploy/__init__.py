"""Running the whole: the demo, containers, the example environment."""

"""How the project is run: the demo, container images, and what watches over them."""

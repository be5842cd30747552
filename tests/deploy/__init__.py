"""What deploys it: compose file and Dockerfiles, read as text where no container engine is."""

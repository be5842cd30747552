"""Life of a program: start and stop, background threads, watchdog, readiness and the Faust shell (floor 3)."""

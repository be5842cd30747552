"""Program lifecycle, background threads, watchdog, readiness and the Faust shell (floor 3)."""

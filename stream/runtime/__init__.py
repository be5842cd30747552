"""Program lifecycle, background threads, watchdog, readiness and the Faust app.

This package belongs to floor 3 of the import order in docs/architecture.md.
"""

"""`make observe`: all programs on this machine with Prometheus and Alertmanager, until Ctrl-C."""

"""`make observe`: the whole on this machine with Prometheus and Alertmanager, until Ctrl-C."""

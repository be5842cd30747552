"""Drift lab: false alarms, detection rate and delay of the drift rule on real card data, compared with other tools."""

"""Experiment on real card data: the gate with delayed labels, and the rollback of a broken champion."""

"""What the long commands do once their options are parsed.

These modules import MLflow, the model libraries and matplotlib, which takes seconds. A command imports its job only
when it runs, so help and errors about wrong usage appear at once. It passes its options on as they are: their types and
meanings are those of the job's parameters.
"""

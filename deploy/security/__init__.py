"""Security checks: `make security` and `make sbom`; `make audit` runs pip-audit directly.

Every check turns what a program reports into findings. A finding is fixed, or `exceptions.toml` excepts it with a
reason. The checks need no internet, and no program gets a key or a token from the environment.
"""

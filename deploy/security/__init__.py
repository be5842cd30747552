"""Security checks: `make security`, `make audit` and `make sbom`.

Every check turns what a program reports into findings. A finding is fixed, or `exceptions.toml` excepts it with a
reason. Only `make audit` needs the internet, and no program gets a key or a token from the environment.
"""

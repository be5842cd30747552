"""The version of this program."""

from importlib.metadata import version

#: Version of the installed package, which every decision carries as its `engine`.
ENGINE = version("fraud-stream")

"""Decode YAML files into structs: user-supplied files, and those shipped in `training/configs`."""

from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import msgspec

from schemas.errors import DataError

_CONFIGS = files("training") / "configs"

T = TypeVar("T")


def read_config(path: Path, kind: type[T]) -> T:
    """Read a YAML file as a struct.

    Raises:
        DataError: If the file cannot be read, is not YAML, or has a field that the struct does not have.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    return decode_config(raw, kind, str(path))


def built_in_config(name: str, kind: type[T]) -> T:
    """Read a YAML file of `training/configs`."""
    return decode_config((_CONFIGS / name).read_bytes(), kind, name)


def decode_config(raw: bytes, kind: type[T], source: str) -> T:
    """Decode YAML as a struct. Errors begin with `source`, the name of the file.

    Raises:
        DataError: If the text is not YAML, or has a field that the struct does not have.
    """
    try:
        return msgspec.yaml.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError(f"{source}: {' '.join(str(error).split())}") from None

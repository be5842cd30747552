"""What a backup consists of."""

from pathlib import Path
from typing import Protocol


class Part(Protocol):
    """One store whose contents a backup saves and restores.

    Attributes:
        name: Name of the part, and of its folder in the backup.
    """

    name: str

    def save(self, folder: Path) -> None:
        """Copy the store's contents into an empty folder; programs may keep writing to the store.

        Raises:
            FraudError: If the store cannot be read.
        """

    def require_empty(self) -> None:
        """Check that a restore would overwrite nothing.

        Raises:
            FraudError: If the store contains anything, or cannot be reached.
        """

    def restore(self, folder: Path) -> None:
        """Fill the store from the folder that `save` has filled.

        Raises:
            FraudError: If the store cannot be written to, or the folder belongs to another kind of store.
        """

"""What the columns of a data file are: which one is the time, the label, the amount, and which are features."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages import Currency, Identifier
from training.data.config_files import built_in_config, read_config

#: numeric: read as numbers. categorical: read as text, whole numbers too.
ColumnKind = Literal["numeric", "categorical"]


class TimeColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """The column of event times."""

    column: Identifier
    #: s, ms: a number counted from `since`. iso: text such as 2013-09-01T12:00:00Z, or a column of dates; UTC where
    #: it names no zone.
    unit: Literal["s", "ms", "iso"]
    since: Annotated[datetime, Meta(tz=True)] = datetime(1970, 1, 1, tzinfo=UTC)


class AmountColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """The column of amounts."""

    column: Identifier
    #: units: 12.34 euros. minor: 1234 cents.
    unit: Literal["units", "minor"]


class CurrencyColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """A column of ISO 4217 codes, for data in more than one currency."""

    column: Identifier


class DataDescription(Struct, frozen=True, forbid_unknown_fields=True):
    """A data file's columns by what they are. Columns that it does not name are not read.

    Raises:
        ValueError: If a column stands in two places; a `DataError` when it is read from a file.
    """

    time: TimeColumn
    label: Identifier
    amount: AmountColumn
    #: Kind by column name, in the order of the feature vector. Their names are those of `Transaction.features`.
    features: Annotated[dict[Identifier, ColumnKind], Meta(min_length=1)]
    #: Of all rows, or the column that names it.
    currency: Currency | CurrencyColumn
    #: None: a transaction's id is its row number.
    id: Identifier | None = None
    #: None: cards are made up, so that topics have keys.
    card: Identifier | None = None
    #: Text that stands for a missing value, besides nothing at all; CSV only.
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold that every column has one place: a label or a raw time that is a feature too would be a leak."""
        places = [*self.columns, *self.features]
        if twice := sorted({name for name in places if places.count(name) > 1}):
            raise ValueError(f"column {twice[0]} is described twice; the time, label, amount or id is no feature")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns but the features."""
        currency = self.currency.column if isinstance(self.currency, CurrencyColumn) else None
        named = (self.id, self.time.column, self.label, self.amount.column, currency, self.card)
        return tuple(name for name in named if name is not None)

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of the columns that are read as text whatever they look like."""
        currency = self.currency.column if isinstance(self.currency, CurrencyColumn) else None
        named = (self.id, currency, self.card, self.time.column if self.time.unit == "iso" else None)
        categorical = (name for name, kind in self.features.items() if kind == "categorical")
        return (*(name for name in named if name is not None), *categorical)


#: The data that `fraud-train fetch-data` fetches.
ULB = built_in_config("ulb.yaml", DataDescription)
#: What it is called on disk.
ULB_FILE = "creditcard.parquet"


def read_description(path: Path) -> DataDescription:
    """Read a user's description of a data file.

    Raises:
        DataError: If the file says something else.
    """
    return read_config(path, DataDescription)

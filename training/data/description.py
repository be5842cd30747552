"""The meaning of a data file's columns: which column is the time, the label or the amount, and which are features."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.messages import Currency, Identifier
from training.data.config_files import built_in_config, read_config

#: numeric: read as numbers. categorical: read as text, integers too.
ColumnKind = Literal["numeric", "categorical"]


class TimeColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """The column of event times."""

    column: Identifier
    #: s, ms: a number counted from `since`. iso: text such as 2013-09-01T12:00:00Z, or a column of dates, in UTC
    #: unless they have a time zone.
    unit: Literal["s", "ms", "iso"]
    since: Annotated[datetime, Meta(tz=True)] = datetime(1970, 1, 1, tzinfo=UTC)


class AmountColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """The column of amounts."""

    column: Identifier
    #: units: 12.34 euros. minor: 1234 cents.
    unit: Literal["units", "minor"]


class CurrencyColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """A column of ISO 4217 codes, for data in several currencies."""

    column: Identifier


class DataDescription(Struct, frozen=True, forbid_unknown_fields=True):
    """The meaning of a data file's columns. Columns that the description does not name are not read.

    Raises:
        ValueError: If a column is described twice. (`read_description` raises a `DataError` instead.)
    """

    time: TimeColumn
    label: Identifier
    amount: AmountColumn
    #: Kind of each feature by column name, in the order of the feature vector. `Transaction.features` uses the same
    #: names.
    features: Annotated[dict[Identifier, ColumnKind], Meta(min_length=1)]
    #: Currency of all rows, or the column that contains the currency of each row.
    currency: Currency | CurrencyColumn
    #: Column of transaction ids; None to use the row numbers as ids.
    id: Identifier | None = None
    #: Column of card ids; None to use synthetic ids, because messages need a key.
    card: Identifier | None = None
    #: Text that marks a missing value, besides the empty text; CSV only.
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Reject a column that is described twice: a label or raw time that is also a feature would be a leak."""
        named = [*self.columns, *self.features]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"column {twice[0]} is described twice; time, label, amount and id cannot be features")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns except the features."""
        currency = self.currency.column if isinstance(self.currency, CurrencyColumn) else None
        named = (self.id, self.time.column, self.label, self.amount.column, currency, self.card)
        return tuple(name for name in named if name is not None)

    @property
    def texts(self) -> tuple[str, ...]:
        """Names of the columns that are read as text, whatever their values."""
        currency = self.currency.column if isinstance(self.currency, CurrencyColumn) else None
        named = (self.id, currency, self.card, self.time.column if self.time.unit == "iso" else None)
        categorical = (name for name, kind in self.features.items() if kind == "categorical")
        return (*(name for name in named if name is not None), *categorical)


#: Description of the data that `fraud-train fetch-data` fetches.
ULB = built_in_config("ulb.yaml", DataDescription)
#: Name of their file.
ULB_FILE = "creditcard.parquet"


def read_description(path: Path) -> DataDescription:
    """Read a user's description of a data file.

    Raises:
        DataError: If the file cannot be read or is not a description.
    """
    return read_config(path, DataDescription)

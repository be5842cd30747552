"""The error tree. Every error's text is one line: what is wrong, and the mend.

    FraudError
    ├── SettingsError           an environment variable that cannot be used
    ├── RefusedMessageError     one transaction cannot be scored; carries a DeadLetterReason
    ├── UnansweredError         a transaction that was asked about, and not decided now; asking again is safe
    │   ├── NoChampionError         nobody may decide
    │   ├── BusyError               too many wait already
    │   └── TooLateError            not within its deadline
    ├── RepeatedError           a transaction's id that has been used for another one
    ├── BundleError
    │   ├── BundleMissingError      nothing readable at the URL
    │   ├── BundleCorruptError      a hash, a file or the manifest does not hold
    │   └── BundleIncompatibleError readable, but not what this program can serve
    ├── RolesError
    │   └── StaleEpochError         another writer changed the roles first
    ├── ModelFaultError         a model that passed its audit fails at its own parity rows
    ├── DataError               training data that cannot be used
    ├── QualityError            a trained model that must not be published
    │   └── LeakError               what is to be predicted is known from the data in a way it won't be live
    ├── RegistryError           MLflow is away, or refuses what it is asked
    ├── StudyError              a study's plan, budget or continuation that cannot be
    ├── StoreAwayError          where a program keeps its offsets does not answer now; it will be asked again
    ├── LedgerError             the ledger's database cannot be used
    │   ├── LedgerAwayError         it does not answer now; what was to be written will be read again (a StoreAwayError)
    │   └── StaleOwnerError         another ledger was given the partition since
    ├── ArchiveError            the archive cannot be used
    │   └── ArchiveAwayError        its file system does not answer now (a StoreAwayError)
    └── KafkaError
        ├── BrokerAwayError         nobody answers at the bootstrap address
        ├── TopicMissingError       the topic is not there; nothing is created by accident
        ├── BatchRefusedError       this batch must not be committed; it will be read again
        └── FencedError             a living twin uses the same worker slot

Whoever refuses a message says why in a DeadLetterReason; nothing here knows a transport.
"""

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """Why a message was refused, as it stands in a dead letter and in the metric's label."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    SCHEMA_VERSION = "schema_version"
    MISSING_FIELD = "missing_field"
    MISSING_FEATURE = "missing_feature"
    NULL_FEATURE = "null_feature"
    NOT_FINITE = "not_finite"
    UNSCORABLE = "unscorable"


class FraudError(Exception):
    """Root of everything this project raises on purpose."""


class SettingsError(FraudError):
    """A setting that is missing or cannot be used."""


class RefusedMessageError(FraudError):
    """A message that becomes a dead letter.

    Attributes:
        reason: The machine-readable reason.
        field: Path of the field at fault, such as `features.V3`; None if no single field is at fault.
    """

    def __init__(self, reason: DeadLetterReason, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.field = field


class UnansweredError(FraudError):
    """A transaction that somebody asked about and that is not decided now; asking again is safe."""


class NoChampionError(UnansweredError):
    """Nobody may decide."""


class BusyError(UnansweredError):
    """Too many transactions wait already."""


class TooLateError(UnansweredError):
    """Not decided, or not known to be recorded, within the deadline."""


class RepeatedError(FraudError):
    """A transaction's id has been used for another transaction."""


class BundleError(FraudError):
    """A bundle that must not take a role."""


class BundleMissingError(BundleError):
    """Nothing readable stands at the bundle's URL."""


class BundleCorruptError(BundleError):
    """The bundle's bytes are not the ones its manifest promises."""


class BundleIncompatibleError(BundleError):
    """The bundle is whole, but this program cannot serve it."""


class RolesError(FraudError):
    """An assignment of roles that cannot be read or written."""


class StaleEpochError(RolesError):
    """Another writer changed the roles between our read and our write."""


class ModelFaultError(FraudError):
    """A model fails on the parity rows it passed at its audit."""


class DataError(FraudError):
    """Training data that cannot be used."""


class QualityError(FraudError):
    """A trained model that must not be published."""


class LeakError(QualityError):
    """What is to be predicted is known from the training data in a way it will not be when the model is used."""


class RegistryError(FraudError):
    """MLflow is away, or refuses what it is asked."""


class StudyError(FraudError):
    """A study that can't be run as asked: its plan, its budget, or what it should go on with."""


class StoreAwayError(FraudError):
    """Where a program keeps its offsets does not answer now."""


class LedgerError(FraudError):
    """The ledger's database cannot be used."""


class LedgerAwayError(LedgerError, StoreAwayError):
    """The ledger's database does not answer now."""


class StaleOwnerError(LedgerError):
    """Another ledger was given the partition after this one: what this one holds must not be written."""


class ArchiveError(FraudError):
    """The archive cannot be used."""


class ArchiveAwayError(ArchiveError, StoreAwayError):
    """The archive's file system does not answer now."""


class KafkaError(FraudError):
    """Trouble with Kafka that its client does not mend by itself."""


class BrokerAwayError(KafkaError):
    """Nobody answers at the bootstrap address."""


class TopicMissingError(KafkaError):
    """A topic is not there."""


class BatchRefusedError(KafkaError):
    """A batch that must not be committed: its partitions moved or an earlier batch failed."""


class FencedError(KafkaError):
    """A living twin uses the same worker slot."""

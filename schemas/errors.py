"""The error tree. The text of every error is one line: what is wrong, and what to do about it.

    FraudError
    ├── SettingsError               an environment variable with an unknown name or an invalid value
    ├── MissingPackageError         a package of an optional extra is not installed
    ├── RefusedMessageError         one message cannot be processed; carries a DeadLetterReason
    ├── NotDecidedError             a requested transaction was not decided; sending it again is safe
    │   ├── NoChampionError             no model is champion
    │   ├── BusyError                   too many transactions are waiting
    │   └── DeadlineExceededError       not decided within the deadline
    ├── TransactionIdReusedError    a transaction id that belongs to another transaction
    ├── BundleError
    │   ├── BundleMissingError          nothing readable at the URL
    │   ├── BundleCorruptError          a hash, a file or the manifest is wrong
    │   └── BundleIncompatibleError     an intact bundle that this program cannot serve
    ├── RolesError                  an assignment of roles that cannot be read or written
    │   └── StaleEpochError             another writer changed the roles first
    ├── ModelFaultError             a model that passed its audit fails on its own parity rows
    ├── DataError                   input data that cannot be used, such as a training file
    ├── QualityError                a trained model that must not be published
    │   └── LeakError                   a feature reveals the label in a way that it will not in production
    ├── RegistryError               MLflow is unavailable, or rejects a request
    ├── StudyError                  a study whose plan or budget is invalid, or that cannot be continued
    ├── StoreUnavailableError       the store in which a program keeps its offsets is unavailable; it tries again
    ├── LedgerError                 the ledger's database cannot be used
    │   ├── LedgerUnavailableError      the database is unavailable; no data is lost (also a StoreUnavailableError)
    │   └── StaleOwnerError             another ledger has taken over the partition
    ├── ArchiveError                the archive cannot be used
    │   └── ArchiveUnavailableError     the archive's file system is unavailable (also a StoreUnavailableError)
    ├── BackupError                 a backup that cannot be made or restored
    └── KafkaError
        ├── BrokerUnavailableError      no broker responds at the bootstrap address
        ├── AccessDeniedError           the broker's access rules do not allow an operation
        ├── TopicMissingError           the topic does not exist; no topic is created by accident
        ├── TransactionError            a Kafka transaction failed; says whether it may have been written
        ├── BatchRefusedError           a batch that must not be committed; it is read again
        └── FencedError                 another process uses the same worker slot

A RefusedMessageError carries a DeadLetterReason; no error refers to a transport or an HTTP status.
"""

from enum import StrEnum


class DeadLetterReason(StrEnum):
    """Why a message was rejected: used as the `reason` in its dead letter and as a metric label."""

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
    """Base class of every error that this project raises on purpose."""


class SettingsError(FraudError):
    """An environment variable has an unknown name or an invalid value."""


class MissingPackageError(FraudError):
    """A package that only one feature needs is not installed.

    Args:
        feature: The feature, such as "the ledger".
        package: Name of the missing package.
        extras: Extras in pyproject.toml that contain everything the feature needs, separated by commas.
    """

    def __init__(self, feature: str, package: str | None, extras: str) -> None:
        super().__init__(
            f"{feature} needs {package}, which is not installed; in a clone of the repository, "
            f"run: pip install '.[{extras}]'"
        )


class RefusedMessageError(FraudError):
    """A message cannot be processed and becomes a dead letter.

    Attributes:
        reason: Machine-readable reason.
        field: Path of the invalid field, such as `features.V3`; None if no single field is invalid.
    """

    def __init__(self, reason: DeadLetterReason, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.field = field


class NotDecidedError(FraudError):
    """A requested transaction was not decided; sending it again is safe."""


class NoChampionError(NotDecidedError):
    """No model is champion, so nothing can be decided."""


class BusyError(NotDecidedError):
    """Too many transactions are waiting."""


class DeadlineExceededError(NotDecidedError):
    """A transaction was not decided, or its decision not acknowledged by Kafka, within the deadline."""


class TransactionIdReusedError(FraudError):
    """A transaction id was already used for a different transaction."""


class BundleError(FraudError):
    """A bundle is missing, corrupt or incompatible, so it must not take a role."""


class BundleMissingError(BundleError):
    """There is nothing readable at the bundle's URL."""


class BundleCorruptError(BundleError):
    """The bundle's bytes do not match its manifest."""


class BundleIncompatibleError(BundleError):
    """The bundle is intact, but this program cannot serve it."""


class RolesError(FraudError):
    """An assignment of roles cannot be read or written."""


class StaleEpochError(RolesError):
    """Another writer changed the roles between this program's read and its write."""


class ModelFaultError(FraudError):
    """A model fails on its parity rows, which it passed during its audit."""


class DataError(FraudError):
    """Input data, such as a training file or a decision to verify, cannot be used."""


class QualityError(FraudError):
    """A trained model must not be published."""


class LeakError(QualityError):
    """A feature of the training data reveals the label in a way that it will not in production."""


class RegistryError(FraudError):
    """MLflow is unavailable, or rejects a request."""


class StudyError(FraudError):
    """A study cannot run: its plan or budget is invalid, or it should continue a study that had another plan."""


class StoreUnavailableError(FraudError):
    """The store in which a program keeps its offsets is unavailable."""


class LedgerError(FraudError):
    """The ledger's database cannot be used."""


class LedgerUnavailableError(LedgerError, StoreUnavailableError):
    """The ledger's database is unavailable."""


class StaleOwnerError(LedgerError):
    """Another ledger has taken over the partition, so this ledger must not write the rows it has read."""


class ArchiveError(FraudError):
    """The archive cannot be used."""


class ArchiveUnavailableError(ArchiveError, StoreUnavailableError):
    """The archive's file system is unavailable."""


class BackupError(FraudError):
    """A backup cannot be made, is damaged, or cannot be restored."""


class KafkaError(FraudError):
    """A Kafka failure from which the client does not recover by itself."""


class BrokerUnavailableError(KafkaError):
    """No broker responds at the bootstrap address."""


class AccessDeniedError(KafkaError):
    """The broker's access rules do not allow an operation."""


class TopicMissingError(KafkaError):
    """A topic does not exist."""


class TransactionError(KafkaError):
    """A Kafka transaction failed.

    Attributes:
        fenced: Whether another writer has taken over.
        written_nothing: Whether it is certain that nothing was written.
        unavailable: Whether Kafka did not respond in time, so that the same transaction may succeed later.
    """

    def __init__(self, detail: str, *, fenced: bool, written_nothing: bool, unavailable: bool) -> None:
        super().__init__(detail)
        self.fenced = fenced
        self.written_nothing = written_nothing
        self.unavailable = unavailable


class BatchRefusedError(KafkaError):
    """A batch must not be committed: its partitions were reassigned, or an earlier batch failed."""


class FencedError(KafkaError):
    """Another process uses the same worker slot."""

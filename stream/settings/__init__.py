"""Settings: environment variables with the prefix FRAUD_, read once, frozen and grouped by subject.

`settings.http.port` is FRAUD_HTTP_PORT: the subject, then the field, in capitals. Code takes only the groups it needs,
not all settings. `.env.example` lists every variable with its unit, range and default; a test keeps it up to date.
"""

import os
from collections.abc import Mapping
from typing import Any, Self

import msgspec
from msgspec import Struct

from schemas.errors import SettingsError
from schemas.validation_error import problem_and_path
from stream.settings.kafka import KafkaSettings, TopicSettings
from stream.settings.models import (
    BundleSettings,
    DriftSettings,
    GateSettings,
    RetrainSettings,
    RollbackSettings,
    ScoringSettings,
)
from stream.settings.programs import (
    ArchiveSettings,
    HttpSettings,
    LedgerSettings,
    LogSettings,
    TracingSettings,
    WatermarkSettings,
    WebSettings,
    WorkerSettings,
)

__all__ = [
    "PREFIX",
    "ArchiveSettings",
    "BundleSettings",
    "DriftSettings",
    "GateSettings",
    "HttpSettings",
    "KafkaSettings",
    "LedgerSettings",
    "LogSettings",
    "RetrainSettings",
    "RollbackSettings",
    "ScoringSettings",
    "Settings",
    "TopicSettings",
    "TracingSettings",
    "WatermarkSettings",
    "WebSettings",
    "WorkerSettings",
    "read_settings",
]

PREFIX = "FRAUD_"


class Settings(Struct, frozen=True):
    """All settings, by subject.

    Raises:
        SettingsError: Raised by `read_settings` and `replace`. The error names the variable and its allowed values.
    """

    kafka: KafkaSettings = KafkaSettings()
    bundle: BundleSettings = BundleSettings()
    scoring: ScoringSettings = ScoringSettings()
    worker: WorkerSettings = WorkerSettings()
    rollback: RollbackSettings = RollbackSettings()
    drift: DriftSettings = DriftSettings()
    web: WebSettings = WebSettings()
    watermark: WatermarkSettings = WatermarkSettings()
    ledger: LedgerSettings = LedgerSettings()
    archive: ArchiveSettings = ArchiveSettings()
    http: HttpSettings = HttpSettings()
    gate: GateSettings = GateSettings()
    retrain: RetrainSettings = RetrainSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
    topic: TopicSettings = TopicSettings()

    def replace(self, **values: Any) -> Self:
        """Return a copy of the settings with some values replaced.

        Args:
            values: New values by flat name, as in the environment without the prefix: `http_port=6080`.

        Raises:
            SettingsError: If a name is unknown or a value is out of range.
        """
        groups = {group: msgspec.structs.asdict(getattr(self, group)) for group in self.__struct_fields__}
        for name, value in values.items():
            group, _, field = name.partition("_")
            if field not in groups.get(group, ()):
                raise SettingsError(f"{PREFIX}{name.upper()} is not a setting; .env.example lists them all")
            # Convert one value at a time, so that the message can name the variable.
            try:
                msgspec.convert({group: {field: value}}, type(self), strict=False)
            except msgspec.ValidationError as error:
                text, _ = problem_and_path(str(error))
                shown = "(hidden)" if "password" in name else repr(value)
                raise SettingsError(f"{PREFIX}{name.upper()}={shown}: {text}; see .env.example") from None
            groups[group][field] = value
        return msgspec.convert(groups, type(self), strict=False)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that configure another process with exactly these settings."""
        groups = {group: msgspec.structs.asdict(getattr(self, group)) for group in self.__struct_fields__}
        return {
            f"{PREFIX}{group}_{field}".upper(): str(value)
            for group, fields in groups.items()
            for field, value in fields.items()
        }


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read settings from environment variables.

    Args:
        environment: Environment variables by name, by default `os.environ`. Variables without our prefix are ignored.

    Raises:
        SettingsError: If a variable with our prefix is unknown, or its value is out of range.
    """
    environment = os.environ if environment is None else environment
    ours = {key[len(PREFIX) :].lower(): environment[key] for key in sorted(environment) if key.startswith(PREFIX)}
    return Settings().replace(**ours)

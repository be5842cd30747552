"""Settings: the variables that the environment may contain, and the error for each mistake."""

import inspect
import re

import msgspec
import pytest

from deploy.env_example import FILE, rendered
from schemas.errors import SettingsError
from stream.settings import PREFIX, Settings, read_settings

LINES = dict(line.split("=", 1) for line in rendered().splitlines() if line.startswith(PREFIX))


def test_the_example_is_up_to_date() -> None:
    """`.env.example` is generated from the current settings."""
    assert FILE.read_text(encoding="utf-8") == rendered(), "stale: run `python -m deploy.env_example` and commit it"


def test_the_example_names_every_setting_with_its_default() -> None:
    """An unchanged example gives the default settings."""
    assert set(LINES) == set(Settings().environment())
    assert read_settings(LINES) == Settings()


def test_each_paragraph_of_settings_has_a_note() -> None:
    """Each paragraph starts with a note: otherwise the example would show settings under an earlier note."""
    for group in msgspec.structs.fields(Settings):
        without_note = re.findall(r"\n\n    (\w+): ", inspect.getsource(group.type))
        assert not without_note, f"give {', '.join(without_note)} a `#:` note in stream/settings"


def test_an_empty_environment_gives_the_defaults() -> None:
    """An empty environment gives the defaults, because no setting is required."""
    assert read_settings({}) == Settings()


def test_other_variables_are_ignored() -> None:
    """Variables without our prefix are ignored."""
    assert read_settings({"PATH": "/bin", "BOOTSTRAP": "elsewhere:1", "FRAUDULENT": "x"}) == Settings()


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument, `read_settings` reads `os.environ`."""
    for name in LINES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FRAUD_KAFKA_BOOTSTRAP", "kafka:9092")
    assert read_settings() == Settings().replace(kafka_bootstrap="kafka:9092")


def test_values_are_converted_to_the_type_of_the_field() -> None:
    """Environment variables are text; numbers are parsed from it."""
    settings = read_settings(
        {"FRAUD_KAFKA_BATCH_MAX": "500", "FRAUD_KAFKA_WATCHDOG_S": "20.5", "FRAUD_KAFKA_SLOT": "7"}
    )
    assert (settings.kafka.batch_max, settings.kafka.watchdog_s, settings.kafka.slot) == (500, 20.5, "7")


def test_settings_are_frozen() -> None:
    """Code that gets settings cannot change them."""
    with pytest.raises(AttributeError):
        Settings().kafka.slot = "1"  # type: ignore[misc]  # this is what must fail


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("FRAUD_KAFKA_BATCH_MAX", "0", "FRAUD_KAFKA_BATCH_MAX='0': Expected `int` >= 1; see .env.example"),
        ("FRAUD_KAFKA_BATCH_MAX", "many", "FRAUD_KAFKA_BATCH_MAX='many': Expected `int`, got `str`; see .env.example"),
        ("FRAUD_KAFKA_BATCH_MAX", "", "FRAUD_KAFKA_BATCH_MAX='': Expected `int`, got `str`; see .env.example"),
        ("FRAUD_WORKER_PRODUCERS", "17", "FRAUD_WORKER_PRODUCERS='17': Expected `int` <= 16; see .env.example"),
        ("FRAUD_WEB_PORT", "65536", "FRAUD_WEB_PORT='65536': Expected `int` <= 65535; see .env.example"),
        ("FRAUD_KAFKA_WATCHDOG_S", "0", "FRAUD_KAFKA_WATCHDOG_S='0': Expected `float` >= 15.0; see .env.example"),
        ("FRAUD_KAFKA_WATCHDOG_S", "nan", "FRAUD_KAFKA_WATCHDOG_S='nan': Expected `float` >= 15.0; see .env.example"),
        (
            "FRAUD_WORKER_DELIVERY",
            "twice",
            "FRAUD_WORKER_DELIVERY='twice': Invalid enum value 'twice'; see .env.example",
        ),
        (
            "FRAUD_KAFKA_SLOT",
            "a b",
            "FRAUD_KAFKA_SLOT='a b': Expected `str` matching regex '^[A-Za-z0-9._-]{1,64}\\\\Z'; see .env.example",
        ),
        ("FRAUD_BOOTSTRP", "x", "FRAUD_BOOTSTRP is not a setting; .env.example lists them all"),
        ("FRAUD_", "x", "FRAUD_ is not a setting; .env.example lists them all"),
    ],
)
def test_a_mistake_is_one_line_with_the_fix(name: str, value: str, line: str) -> None:
    """The error names the variable, its value, the values it allows, and where to look."""
    with pytest.raises(SettingsError) as raised:
        read_settings({name: value})
    assert str(raised.value) == line


def test_of_several_unknown_names_the_first_is_reported() -> None:
    """The error reports one mistake at a time, in alphabetical order."""
    with pytest.raises(SettingsError, match=r"^FRAUD_A is not a setting"):
        read_settings({"FRAUD_B": "1", "FRAUD_A": "1"})


def test_every_default_is_allowed() -> None:
    """Every default is within its allowed range. This is tested because msgspec does not validate defaults."""
    assert msgspec.convert(msgspec.to_builtins(Settings()), Settings) == Settings()

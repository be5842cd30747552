"""`fraud-stream dead-letters` on a real Kafka: what it lists, shows and sends again, and what it rejects."""

import json
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner, Result

from schemas.errors import DeadLetterReason
from stream.cli import cli
from stream.commands.dead_letters import _confirmed
from stream.settings import Settings
from tests.support.command import run
from tests.support.dead_letters import dead_letter, send_dead_letters
from tests.support.topics import produce_all, read_all

#: 2024-11-25T12:00:00Z.
NOON_MS = 1_732_536_000_000
NOT_JSON, NOT_FINITE = DeadLetterReason.NOT_JSON, DeadLetterReason.NOT_FINITE
SECRET = b'{"card_id": "4929-1234", "features": {}}'


def invoke(settings: Settings, *arguments: str, answer: str = "") -> Result:
    """Run `dead-letters` in this process, and answer its question."""
    runner = CliRunner(env=dict(settings.environment()))
    return runner.invoke(cli, ["dead-letters", *arguments], input=answer)


def listed(settings: Settings, *arguments: str) -> list[str]:
    """Return the ids that `list` prints."""
    done = invoke(settings, "list", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def sent(settings: Settings, topic: str) -> list[bytes]:
    """Return the values on a topic."""
    return sorted(message.value() or b"" for message in read_all(settings.kafka.bootstrap, topic))


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """Settings of topics with four dead letters, two in each partition, and one message that is none."""
    topics = settings.topic
    send_dead_letters(
        settings,
        dead_letter(0, SECRET, source_topic=topics.transactions, key=b"4929-1234", refused_at_ms=NOON_MS),
        dead_letter(1, b"{", source_topic=topics.transactions, reason=NOT_JSON, refused_at_ms=NOON_MS + 2_000),
        partition=0,
    )
    send_dead_letters(
        settings,
        dead_letter(2, b"label", source_topic=topics.labels, reason=NOT_JSON, refused_at_ms=NOON_MS + 1_000),
        dead_letter(
            3,
            b"x" * 100,
            source_topic=topics.transactions,
            value_size=3_000_000,
            truncated=True,
            reason=DeadLetterReason.TOO_LARGE,
            refused_at_ms=NOON_MS + 3_000,
        ),
        partition=1,
    )
    produce_all(settings.kafka.bootstrap, topics.dead_letters, [(None, b"no dead letter")], partition=1)
    return settings


def test_the_list_shows_places_reasons_and_sizes(filled: Settings) -> None:
    """The newest is last, reasons are counted, other messages are reported, and nothing identifies a card."""
    done = run("dead-letters", "list", settings=filled)
    assert done.returncode == 0, done.stderr
    topics = filled.topic
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["ID", "REJECTED", "REASON", "SOURCE", "BYTES", "REPLAYS", "STATE"]
    day = "2024-11-25"
    assert rows[1:5] == [
        ["0/0", day, "12:00:00", "UTC", "missing_feature", f"{topics.transactions}/0/0", "40", "0", "open"],
        ["1/0", day, "12:00:01", "UTC", "not_json", f"{topics.labels}/0/2", "5", "0", "open"],
        ["0/1", day, "12:00:02", "UTC", "not_json", f"{topics.transactions}/0/1", "1", "0", "open"],
        ["1/1", day, "12:00:03", "UTC", "too_large", f"{topics.transactions}/0/3", "3,000,000", "0", "truncated"],
    ]
    assert done.stdout.endswith("\n4 dead letters: 2 not_json, 1 missing_feature, 1 too_large\n")
    assert f"ignored 1 message on {topics.dead_letters}" in done.stderr
    assert "4929" not in done.stdout + done.stderr


def test_the_list_is_filtered(filled: Settings) -> None:
    """Reasons, source topic, time of rejection and a number restrict the list; JSON lines contain the same."""
    assert listed(filled) == ["0/0", "1/0", "0/1", "1/1"]
    assert listed(filled, "--reason", "not_json") == ["1/0", "0/1"]
    assert listed(filled, "--reason", "not_json", "--reason", "too_large") == ["1/0", "0/1", "1/1"]
    assert listed(filled, "--topic", filled.topic.labels) == ["1/0"]
    assert listed(filled, "--limit", "2") == ["0/1", "1/1"]
    assert listed(filled, "--to", "2024-01-01") == []
    assert listed(filled, "--from", "2024-01-01", "--topic", filled.topic.labels) == ["1/0"]
    assert listed(filled, "--from", "2024-11-25T12:00:01") == ["1/0", "0/1", "1/1"]
    assert listed(filled, "--to", "2024-11-25T12:00:02") == ["0/0", "1/0"]
    assert listed(filled, "--from", str(NOON_MS + 1_000), "--to", str(NOON_MS + 2_000)) == ["1/0"]
    assert listed(filled, "--from", "20241126") == []
    shown = invoke(filled, "list", "--limit", "1").stdout
    assert "4 dead letters: 2 not_json, 1 missing_feature, 1 too_large; only the newest are shown (--limit 1)" in shown
    assert invoke(filled, "list", "--to", "2024-01-01").stdout == "no dead letters\n"
    (line,) = invoke(filled, "list", "--json", "--topic", filled.topic.labels).stdout.splitlines()
    assert json.loads(line) == {
        "id": "1/0",
        "refused_at_ms": NOON_MS + 1_000,
        "reason": "not_json",
        "source_topic": filled.topic.labels,
        "source_partition": 0,
        "source_offset": 2,
        "value_size": 5,
        "replays": 0,
        "state": "open",
    }


def test_one_dead_letter_is_shown_with_its_message(filled: Settings) -> None:
    """`show` prints everything, including the message; of a truncated message, it prints what was kept."""
    shown = invoke(filled, "show", "0/0").stdout
    assert "reason    missing_feature\ndetail    feature V3 is missing\n" in shown
    assert f"source    {filled.topic.transactions}/0/0\nkey       4929-1234\n" in shown
    assert shown.endswith(f"state     open\nmessage:\n  {SECRET.decode()}\n")
    truncated = invoke(filled, "show", "1/1").stdout
    assert f"state     truncated\nmessage, its first 100 bytes:\n  {'x' * 100}\n" in truncated


def test_a_message_cannot_control_the_terminal(settings: Settings) -> None:
    """Control characters and bytes that are not UTF-8 are escaped; `--raw` writes the exact bytes to a file."""
    value = "line 1\n\x1b[2Jline 2\r\u202eabc\u009b é".encode() + b"\xff"
    send_dead_letters(settings, dead_letter(0, value, key=b"\x1b]0;", detail="\x1b[31m"), partition=0)
    shown = invoke(settings, "show", "0/0").stdout
    assert "key       \\x1b]0;\n" in shown
    assert "detail    \\x1b[31m\n" in shown
    assert shown.endswith("message:\n  line 1\n  \\x1b[2Jline 2\\r\\u202eabc\\x9b é\\xff\n")
    done = invoke(settings, "show", "0/0", "--raw")
    assert done.stdout_bytes == value


def test_raw_bytes_are_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--raw` refuses to write unescaped bytes to a terminal, before Kafka is queried."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    done = invoke(Settings(), "show", "0/0", "--raw")
    assert done.exit_code == 2
    assert "redirect the output to a file" in done.output


def test_ctrl_c_at_the_question_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal, Ctrl-C at the question ends the command without advice about terminals."""
    monkeypatch.setattr(click, "confirm", Mock(side_effect=click.Abort()))
    monkeypatch.setattr("sys.stdin", Mock(**{"isatty.return_value": True}))
    with pytest.raises(click.Abort):
        _confirmed(1)


def test_a_message_without_a_value_is_shown(settings: Settings) -> None:
    """A missing value or key is shown as such."""
    send_dead_letters(settings, dead_letter(0, None, key=None, reason=DeadLetterReason.EMPTY), partition=0)
    shown = invoke(settings, "show", "0/0").stdout
    assert "key       none\n" in shown
    assert shown.endswith("state     empty\nmessage   none\n")


def test_replay_sends_what_was_confirmed(filled: Settings) -> None:
    """The question names what would be sent; without "y", nothing is. A second run has nothing left to send."""
    topics = filled.topic
    plan = (
        f"to send to {topics.labels}: 1 not_json\n"
        f"to send to {topics.transactions}: 1 missing_feature, 1 not_json\n"
        "skipped 1: too large for a dead letter, so truncated\n"
    )
    dry = invoke(filled, "replay", "--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, plan)
    declined = invoke(filled, "replay", answer="n\n")
    assert declined.exit_code == 1
    assert declined.stdout == f"{plan}Send 3 messages again? [y/N]: n\nnothing was sent\n"
    unanswered = run("dead-letters", "replay", settings=filled)
    assert unanswered.returncode == 2
    assert "add --yes" in unanswered.stderr
    assert sent(filled, topics.transactions) == sent(filled, topics.labels) == []
    confirmed = invoke(filled, "replay", answer="y\n")
    assert confirmed.exit_code == 0, confirmed.output
    assert confirmed.stdout.endswith("3 messages sent again\n")
    assert sent(filled, topics.transactions) == [b"{", SECRET]
    assert sent(filled, topics.labels) == [b"label"]
    again = run("dead-letters", "replay", "--yes", settings=filled)
    assert again.returncode == 0, again.stderr
    assert again.stdout == (
        "no messages to send again\n"
        "skipped 3: already sent again\n"
        "skipped 1: too large for a dead letter, so truncated\n"
    )
    assert len(sent(filled, topics.transactions)) == 2
    states = [json.loads(line)["state"] for line in invoke(filled, "list", "--json").stdout.splitlines()]
    assert states == ["replayed", "replayed", "replayed", "truncated"]
    assert "state     replayed at 20" in invoke(filled, "show", "0/0").stdout


def test_replay_is_limited_by_reason_time_topic_and_number(filled: Settings) -> None:
    """Filters select the messages; with a limit, the oldest are sent and the others remain for another run."""
    topics = filled.topic
    assert "no messages to send again" in invoke(filled, "replay", "--yes", "--to", "2024-01-01").stdout
    late = invoke(filled, "replay", "--dry-run", "--from", "2024-11-25T12:00:02").stdout
    assert late.startswith(f"to send to {topics.transactions}: 1 not_json\nskipped 1:")
    limited = invoke(filled, "replay", "--yes", "--limit", "1", "--topic", topics.transactions).stdout
    assert "left for another run by --limit: 1\n" in limited
    assert sent(filled, topics.transactions) == [SECRET]
    assert "1 message sent again" in invoke(filled, "replay", "--yes", "--reason", "not_json", "--limit", "1").stdout
    assert sent(filled, topics.labels) == [b"label"]
    assert sent(filled, topics.transactions) == [SECRET]


def test_outputs_are_sent_again_only_if_named(settings: Settings) -> None:
    """Decisions, which other programs read too, are sent again only if --topic names them; roles never are."""
    topics = settings.topic
    send_dead_letters(
        settings,
        dead_letter(0, b"decision", source_topic=topics.decisions),
        dead_letter(1, b"roles", source_topic=topics.model_updates),
    )
    states = [json.loads(line)["state"] for line in invoke(settings, "list", "--json").stdout.splitlines()]
    assert states == ["output", "output"]
    assert "skipped 2: from a topic to which" in invoke(settings, "replay", "--yes").stdout
    assert "1 message sent again" in invoke(settings, "replay", "--yes", "--topic", topics.decisions).stdout
    assert sent(settings, topics.decisions) == [b"decision"]
    roles = invoke(settings, "replay", "--yes", "--topic", topics.model_updates)
    assert roles.exit_code == 2
    assert "roles are not sent again; assign them with `fraud-stream models set`" in roles.stderr
    assert sent(settings, topics.model_updates) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--reason", "boredom"], "'boredom' is not one of 'empty', 'too_large'"),
        (["list", "--limit", "0"], "0 is not in the range x>=1"),
        (["list", "--from", "yesterday"], "'yesterday' is not a time"),
        (["list", "--from", "0001-01-01"], "is not between 1970 and 9999"),
        (["list", "--from", "2026"], "'2026' is not a time"),
        (["list", "--from", "20261124120000"], "is not a time"),
        (["list", "--from", "2026-01-02", "--to", "2026-01-02"], "--from must be before --to"),
        (["show"], "Missing argument 'ID'"),
        (["show", "3"], "'3' is not PARTITION/OFFSET; `fraud-stream dead-letters list` prints ids"),
        (["show", "3/-1"], "'3/-1' is not PARTITION/OFFSET"),
        (["show", "٣/1"], "is not PARTITION/OFFSET"),
        (["show", f"0/{2**63}"], "is larger than any id"),
        (["replay", "--max-replays", "0"], "0 is not in the range x>=1"),
        (
            ["replay", "--topic", "transaction"],
            "nothing is sent again to 'transaction'; --topic is one of transactions",
        ),
    ],
)
def test_bad_arguments_are_usage_errors(arguments: list[str], message: str) -> None:
    """Bad arguments get exit code 2 and an error that says what is wrong, before Kafka is asked for anything."""
    done = CliRunner().invoke(cli, ["dead-letters", *arguments])
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_an_id_without_a_dead_letter_is_an_error(filled: Settings) -> None:
    """An unknown partition or offset, or another kind of message, is a one-line error."""
    for number, message in (
        ("7/0", "has no partition 7"),
        ("0/99", "0/99 does not exist; the topic's retention may have deleted it"),
        ("1/2", "1/2 is not a dead letter that this version can read"),
    ):
        done = run("dead-letters", "show", number, settings=filled)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert message in done.stderr


def test_missing_topics_are_an_error(settings: Settings) -> None:
    """Before `fraud-stream topics` has created the new topic, the error names the command."""
    done = run("dead-letters", "list", settings=settings.replace(topic_dead_letter_replays="missing"))
    assert done.returncode == 1
    assert "topic missing does not exist" in done.stderr
    assert "`fraud-stream topics`" in done.stderr

"""Checks that command lines in text name commands, options, targets and modules that exist."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from deploy.reference.command_lines import PROGRAMS

ROOT = Path(__file__).parents[2]
_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
#: Characters that end a command line within a longer one, outside quotes.
_SEPARATORS = ";&|<>"


def usage_error(line: str) -> str | None:
    """Return what is wrong with a command line; None if nothing is, or if it is not one of ours.

    >>> usage_error("fraud-stream topics && fraud-stream htpt")
    "fraud-stream htpt: No such command 'htpt'."
    >>> usage_error("python -c 'import x; fraud-stream htpt' | fraud-stream topics") is None
    True
    >>> usage_error("FRAUD_KAFKA_SLOT=a fraud-stream worker    # one slot for each worker") is None
    True
    """
    # An ellipsis stands for arguments that the text leaves out.
    elided = "…" in line
    plain = re.sub(r"\s#\s.*|\d>&\d|…", "", line.replace("\\\n", " "))
    for words in _command_lines(plain):
        while words and re.match(r"\w+=", words[0]):
            words.pop(0)
        error = _error(words, elided=elided) if words else None
        if error:
            return f"{' '.join(words)}: {error}"
    return None


def _command_lines(line: str) -> Iterator[list[str]]:
    """Yield the words of each command in a line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word.strip(_SEPARATORS):
            words.append(word)
        else:
            yield words
            words = []
    yield words


def _error(words: list[str], *, elided: bool) -> str | None:
    if words[0] == "make":
        unknown = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and word not in _TARGETS]
        return f"no target {unknown[0]} in the Makefile" if unknown else None
    if re.fullmatch(r"python3?", words[0]) and words[1:2] == ["-m"]:
        module = words[2] if len(words) > 2 else ""
        ours = module.partition(".")[0] in {"stream", "training", "benchmarks", "deploy", "schemas", "tests"}
        return f"no module {module}" if ours and importlib.util.find_spec(module) is None else None
    program = PROGRAMS.get(words[0])
    return _click_error(program, words, elided=elided) if program else None


def _click_error(command: click.Command, words: list[str], *, elided: bool) -> str | None:
    # With the command's own settings: a command keeps the help option that its first context gave it.
    context = click.Context(command, info_name=words[0], **command.context_settings)
    arguments = words[1:]
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        subcommand = command.get_command(context, arguments[0])
        if subcommand is None:
            return f"No such command {arguments[0]!r}."
        command, context = subcommand, click.Context(subcommand, parent=context, info_name=arguments[0])
        arguments = arguments[1:]
    try:
        # Options are looked up and counted; values are not checked, since files may not exist here.
        _, rest, _ = command.make_parser(context).parse_args(args=arguments)
    except click.UsageError as error:
        return None if elided and isinstance(error, click.BadOptionUsage) else error.format_message()
    return f"unexpected argument {rest[0]!r}" if rest and not isinstance(command, click.Group) else None

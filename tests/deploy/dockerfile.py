"""A minimal Dockerfile parser for the tests."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Instruction(NamedTuple):
    """An instruction: its keyword and its arguments, with continued lines joined."""

    word: str
    rest: str


def instructions(text: str) -> Iterator[Instruction]:
    r"""Yield a Dockerfile's instructions, without comments or line continuations.

    >>> list(instructions("# x\nRUN a \\\n  && b\nUSER 1"))
    [Instruction(word='RUN', rest='a && b'), Instruction(word='USER', rest='1')]
    """
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\s*\\\n\s*", " ", code).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Instruction(word.upper(), rest.strip())


class Dockerfile:
    """A parsed Dockerfile. Unless stated otherwise, properties refer to the last stage."""

    def __init__(self, path: Path) -> None:
        self.all = list(instructions(path.read_text(encoding="utf-8")))
        starts = [i for i, each in enumerate(self.all) if each.word == "FROM"]
        self.last_stage = self.all[starts[-1] :]

    def of(self, word: str) -> list[str]:
        """Return the arguments of each instruction whose keyword is `word`."""
        return [each.rest for each in self.last_stage if each.word == word]

    @property
    def bases(self) -> list[str]:
        """Base images of all stages."""
        return [each.rest.split()[0] for each in self.all if each.word == "FROM"]

    @property
    def copied(self) -> list[str]:
        """Paths that any stage copies from the build context."""
        copies = (each.rest.split() for each in self.all if each.word == "COPY" and "--from=" not in each.rest)
        return [source for words in copies for source in words[:-1]]

    @property
    def command(self) -> list[str]:
        """The default command, as a list of arguments."""
        words: list[str] = json.loads(self.of("CMD")[-1])
        return words

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the image sets."""
        return dict(re.findall(r"(\w+)=(\S+)", " ".join(self.of("ENV"))))

"""A shell session that runs a page's commands one after the other, as a reader would."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.docs.blocks import Block, shows

#: Seconds that a command may take, and that a program in the background has to print its text and to stop.
COMMAND_S = 240.0
START_S = 60.0
STOP_S = 15.0


class Session:
    """Runs commands in one directory. Variables that a command exports are set for the following commands.

    Args:
        directory: Directory to run the commands in.
        environment: Environment of the first command.
        replacements: Texts to replace in commands, such as an address, by the text to use instead.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str], replacements: Mapping[str, str]) -> None:
        self._directory = directory
        self._exports = directory / ".exports"
        self._environment = environment
        self._replacements = replacements
        self._background: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._exports.write_text("")
        return self

    def __exit__(self, *_: object) -> None:
        # The last program started depends on those before it, so it stops first.
        for process in reversed(self._background):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run_block(self, block: Block) -> None:
        """Write a file, or run a block's commands and compare their output with the page.

        Raises:
            AssertionError: If a command exits with another code, or its output lacks a line that the page shows.
        """
        if block.kind == "file":
            (self._directory / block.argument).write_text(block.text)
            return
        for command in block.commands():
            location = f"{block.page.name}, line {block.line}: {command.text}"
            if block.kind == "background":
                self.start(command.text, block.argument, location)
                continue
            output = self.run(command.text, location, int(block.argument) if block.kind == "fails" else 0)
            missing = shows(command.output, output)
            assert missing is None, f"{location}\ndid not print {missing!r} but:\n{output}"

    def run(self, command: str, location: str = "", code: int = 0) -> str:
        """Run a command to its end and return its output.

        Args:
            command: Command line for bash.
            location: Page and line of the command, for errors.
            code: Exit code that the command must have.

        Raises:
            AssertionError: If the command exits with another code.
        """
        done = subprocess.run(
            self._shell(f"{command}\nexport -p > {self._exports}"),
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == code, f"{location or command}\nexited with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def start(self, command: str, text: str, location: str = "") -> None:
        """Start a command in the background and wait until its output contains a text.

        Raises:
            AssertionError: If the command ends, or does not print the text in time.
        """
        location = location or command
        log = self._directory / f".background-{len(self._background)}"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self._shell(command),
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._background.append(process)
        deadline = time.monotonic() + START_S
        while text not in (output := log.read_text("utf-8", "replace")):
            assert process.poll() is None, f"{location}\nended:\n{output}"
            assert time.monotonic() < deadline, (
                f"{location}\ndid not print {text!r} within {START_S:g} s but:\n{output}"
            )
            time.sleep(0.1)

    def _shell(self, command: str) -> list[str]:
        for text, replacement in self._replacements.items():
            command = command.replace(text, replacement)
        return ["bash", "-c", f"set -euo pipefail\nsource {self._exports}\n{command}"]

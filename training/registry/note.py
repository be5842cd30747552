"""A change as one line on the control topic, readable for people and read back by `reconcile`."""

from typing import NamedTuple

from training.registry.history import Action

_OURS: tuple[Action, ...] = ("promote", "rollback", "challenge")
_EVIDENCE = " [evidence: "


class Note(NamedTuple):
    """What a change's author had to say."""

    action: Action
    why: str
    #: A URL, or where MLflow holds the file; empty for none.
    evidence: str = ""

    def write(self) -> str:
        """Return the line.

        Example:
            >>> Note("promote", "catches more", "runs:/4f/paired.html").write()
            'promote: catches more [evidence: runs:/4f/paired.html]'
        """
        return f"{self.action}: {self.why}" + (f"{_EVIDENCE}{self.evidence}]" if self.evidence else "")


def read_note(text: str) -> Note:
    """Read a line back; one that nobody here wrote is the `why` of roles that somebody else wrote."""
    for action in _OURS:
        if text.startswith(f"{action}: "):
            why = text.removeprefix(f"{action}: ")
            said, found, evidence = why.rpartition(_EVIDENCE)
            if found and evidence.endswith("]"):
                return Note(action, said, evidence[:-1])
            return Note(action, why)
    return Note("roles", text)

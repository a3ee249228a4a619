"""What every state machine here shares: a table of transitions, and an error that tells a story."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)

Table = Mapping[S, frozenset[S]]


class InvalidTransition(AssertionError):
    """Our own fault, never a peer's: the code asked for a transition outside the table."""

    def __init__(self, subject: str, start: StrEnum, finish: StrEnum, story: str) -> None:
        super().__init__(f"{subject}: {start} -> {finish} is not allowed ({story})")
        self.subject = subject
        self.start = start
        self.finish = finish
        self.story = story


def advance(table: Table[S], subject: str, start: S, finish: S, story: str) -> S:
    """`finish`, if the table allows it after `start`; raises `InvalidTransition` otherwise.

    `subject` names the thing (a job's or unit's id) and `story` what was going on.
    """
    if finish not in table[start]:
        raise InvalidTransition(subject, start, finish, story)
    return finish


def mermaid(table: Table[S]) -> str:
    """The table as a Mermaid state diagram, in the table's order."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table))}"]
    for start, finishes in table.items():
        order = list(type(start))
        lines += [f"    {start} --> {finish}" for finish in sorted(finishes, key=order.index)]
        if not finishes:
            lines.append(f"    {start} --> [*]")
    return "\n".join(lines)

"""Vectors as files: JSON that a person can read, the same bytes every time."""

from __future__ import annotations

import json
import re
from typing import Any, Final

Files = dict[str, Any]
"""Path below `vectors/` to JSON content."""

LINE_CHARS: Final = 100
_RUN: Final = re.compile(r"(x{200,}|(?:\[\"x\"\],?){200,}|(?:\"x\",){40,})")


def pretty(value: Any, indent: int = 0) -> str:
    """JSON with an object's members below each other, and short or flat arrays on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return flat
    is_row = isinstance(value, list) and not any(isinstance(item, dict | list) for item in value)
    if is_row or (len(flat) + indent <= LINE_CHARS and indent > 0):
        return flat
    space = " " * (indent + 2)
    if isinstance(value, list):
        lines = [pretty(item, indent + 2) for item in value]
    else:
        lines = [
            f"{json.dumps(name, ensure_ascii=False)}: {pretty(item, indent + 2)}"
            for name, item in value.items()
        ]
    opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
    return f"{opening}\n{space}" + f",\n{space}".join(lines) + f"\n{' ' * indent}{closing}"


def raw_parts(text: str) -> list[list[Any]]:
    """The text as pieces `[piece, how often]`, so that a long run takes no room."""
    parts: list[list[Any]] = []
    for piece in _RUN.split(text):
        if not piece:
            continue
        unit = next((u for u in ('["x"],', '"x",', "x") if piece.startswith(u)), piece)
        count = len(piece) // len(unit) if _RUN.fullmatch(piece) else 1
        unit = unit if count > 1 else piece
        parts.append([unit, count])
        if rest := piece[len(unit) * count :]:
            parts.append([rest, 1])
    return parts

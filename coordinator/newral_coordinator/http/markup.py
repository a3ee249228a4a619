"""HTML that is escaped by construction: only a template can contribute markup."""

from __future__ import annotations

import html
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class Markup(str):
    """Text that is HTML already. Made by `fill`, `join` and from the package's own assets."""

    __slots__ = ()


class _EscapingFormatter(string.Formatter):
    """Escapes each value after formatting it; knows neither attributes nor indices."""

    def get_field(
        self, field_name: str, _args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, str]:
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        formatted = super().format_field(value, format_spec)
        return formatted if isinstance(value, Markup) else html.escape(formatted)


_formatter = _EscapingFormatter()


def fill(template: str, **values: object) -> Markup:
    """The template with every `{name}` replaced by the value, escaped unless it is `Markup`.

    The template is the package's own, a literal or an asset. Values stand in text and in quoted
    attributes, never in scripts, styles or links.
    """
    return Markup(_formatter.vformat(template, (), values))


def join(parts: Iterable[Markup]) -> Markup:
    """The parts one after the other."""
    return Markup("".join(parts))

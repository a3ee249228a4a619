"""Renews tables and examples in the specification's prose: python scripts/make_prose.py [FOLDER].

Without a folder, in spec/. What stands between `<!-- generated: … -->` and `<!-- end -->` comes
from the tables of kinds and limits and from the test vectors.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from spec_vectors.files import pretty

from newral_spec import kinds, limits
from newral_spec.kinds import Kind

SPEC: Final = Path(__file__).parents[1] / "spec"
VECTORS: Final = SPEC / "newral_spec" / "vectors"
SIGNS_MAX: Final = 600
"""Of a string in an example; a longer one is cut."""

_BLOCK: Final = re.compile(
    r"<!-- generated: ([a-z]+)(?: ([^>]+?))? -->(.*?)<!-- end -->", re.DOTALL
)


def renewed(text: str) -> str:
    """A document with all of its generated parts renewed."""
    return _BLOCK.sub(_block, text)


def _block(match: re.Match[str]) -> str:
    made = _MAKERS[match[1]](match[2] or "")
    opening = match[0][: match[0].index("-->") + 3]
    is_inline = "\n" not in made
    return f"{opening}{made}<!-- end -->" if is_inline else f"{opening}\n{made}\n<!-- end -->"


def _vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def _example(value: Any) -> str:
    return f"```json\n{pretty(_shortened(value))}\n```"


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shortened(item) for item in value]
    if isinstance(value, str) and len(value) > SIGNS_MAX:
        return f"{value[:80]}…"
    return value


def _event(name: str) -> str:
    return _example(_vector(name)["event"])


def _content(name: str) -> str:
    return _example(json.loads(_vector(name)["event"]["content"]))


def _plaintext(name: str) -> str:
    return _example(json.loads(_vector(name)["plaintext"]))


def _codes(message: str) -> str:
    found = {path.name.split(".")[1] for path in (VECTORS / message).glob("invalid.*.json")}
    return ", ".join(f"`{code}`" for code in sorted(found))


def _log(_: str) -> str:
    entries = _vector("merkle.json")["log"]["entries"]
    return "```json\n" + "\n".join(entries) + "\n```"


def _table(name: str) -> str:
    return {"of kinds": _table_of_kinds, "of limits": _table_of_limits}[name]()


def _table_of_kinds() -> str:
    rows = [
        f"| {int(kind)} | `{kind.name}` | {_class_of(kind)} | {_said(text)} |"
        for kind, text in _described(kinds, "Kind")
        if isinstance(kind, Kind)
    ]
    return "\n".join(["| kind | name | class | what |", "|---|---|---|---|", *rows])


def _class_of(kind: Kind) -> str:
    """NIP-01's word."""
    if kinds.is_ephemeral(kind):
        return "ephemeral"
    if kinds.is_replaceable(kind):
        return "replaceable"
    return "addressable" if kinds.is_addressable(kind) else "regular"


def _table_of_limits() -> str:
    rows = [f"| `{name}` | {value:,} | {_said(text)} |" for name, value, text in _limits()]
    return "\n".join(["| name | value | what |", "|---|---|---|", *rows])


def _limits() -> Iterator[tuple[str, int | float, str]]:
    """Constants that stand together share the text below the last of them."""
    waiting: list[str] = []
    for name, text in _documented(ast.parse(inspect.getsource(limits)).body):
        waiting.append(name)
        if text:
            for each in waiting:
                yield each, getattr(limits, each), text
            waiting.clear()


def _described(module: ModuleType, class_name: str) -> Iterator[tuple[Any, str]]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef) and node.name == class_name:
            for name, text in _documented(node.body):
                yield getattr(module, class_name)[name], text


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Names that are assigned to, and the docstrings below them."""
    for node, below in zip(body, [*body[1:], None], strict=True):
        target: ast.expr | None = None
        if isinstance(node, ast.AnnAssign):
            target = node.target
        elif isinstance(node, ast.Assign):
            target = node.targets[0]
        if not isinstance(target, ast.Name):
            continue
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        yield target.id, str(below.value.value) if is_text else ""  # type: ignore[union-attr]


def _said(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


_MAKERS: Final[dict[str, Callable[[str], str]]] = {
    "codes": _codes,
    "content": _content,
    "event": _event,
    "log": _log,
    "plaintext": _plaintext,
    "table": _table,
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SPEC
    for path in sorted(folder.glob("*.md")):
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

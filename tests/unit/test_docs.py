"""The documents tell the truth: links, commands, snippets, diagrams and names."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from newral.cli.application import application
from newral.cli.kernel_words import KernelCommand
from newral.cli.options import default_map
from newral.job_words import option
from newral_coordinator.policy import Policy
from newral_kernels import registry
from newral_ledger.audit.report import Code

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
COMMANDS: Any = typer.main.get_command(application)

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<target>[^)\s]+)\)")
DEFINED = r"(def|class) {name}\b"
COMMAND = re.compile(r"\bnewral((?: [a-z]+)+)")
TEST_NAME = re.compile(r"`(test_\w+)`")


def read(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def links(document: Path) -> Iterator[tuple[str, str]]:
    for match in LINK.finditer(FENCE.sub("", read(document))):
        if not match["target"].startswith(("http://", "https://")):
            yield match["text"], match["target"]


def snippets(*languages: str) -> list[Any]:
    """Fenced code of all documents, each with its place as the test's name."""
    return [
        pytest.param(match["code"], id=f"{document.name}:{_line(document, match.start())}")
        for document in DOCUMENTS
        for match in FENCE.finditer(read(document))
        if match["language"] in languages
    ]


def _line(document: Path, start: int) -> int:
    return read(document)[:start].count("\n") + 2


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def command_lines(text: str) -> Iterator[list[str]]:
    """Every line of a shell snippet that calls `newral`, as words."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["newral"]:
            yield words[1:]


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and the words after it."""
    command = COMMANDS
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    return command, rest


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    for _, target in links(document):
        path, _, anchor = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_a_function_that_is_linked_is_in_that_file() -> None:
    checked = 0
    for document in DOCUMENTS:
        for text, target in links(document):
            name = re.fullmatch(r"`(?:\w+\.)*(?!py`)(\w+)`", text)
            if name is None or not target.endswith(".py"):
                continue
            source = read(document.parent / target)
            assert re.search(DEFINED.format(name=name[1]), source), (text, target)
            checked += 1
    assert checked > 20


def test_the_diagrams_are_those_of_the_tables() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_diagrams.py"))
    document = read(script["DOCUMENT"])
    assert script["with_diagrams"](document) == document


def test_the_tables_of_measurements_are_those_of_the_package() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_benchmarks.py"))
    document = read(script["DOCUMENT"])
    assert document.count("<!-- measured: ") == 2
    assert script["with_tables"](document) == document


@pytest.mark.parametrize("code", snippets("python"))
def test_python_snippets_compile(code: str) -> None:
    compile(code, "snippet", "exec")


@pytest.mark.parametrize("code", snippets("json"))
def test_json_snippets_are_json(code: str) -> None:
    json.loads(code)


@pytest.mark.parametrize("code", snippets("toml"))
def test_settings_exist(code: str) -> None:
    settings = {
        f"{name}.{key}" if isinstance(value, dict) else name: None
        for name, value in tomllib.loads(code).items()
        for key in (value if isinstance(value, dict) else [name])
    }
    assert default_map(COMMANDS, settings)


@pytest.mark.parametrize("code", snippets("sh", "console"))
def test_commands_and_their_options_exist(code: str) -> None:
    for words in command_lines(code):
        command, rest = resolve(words)
        assert not hasattr(command, "commands"), f"newral {' '.join(words)} is no command"
        known = {name for parameter in command.params for name in parameter.opts}
        if isinstance(command, KernelCommand):
            kernels = [registry.get(word) for word in rest if word in registry.names()]
            known |= {option(name) for kernel in kernels for name in kernel.params_help}
        unknown = {word for word in rest if word.startswith("--")} - known - {"--help"}
        assert not unknown, f"newral {' '.join(words)}: there is no {unknown}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_that_are_mentioned_exist(document: Path) -> None:
    prose = FENCE.sub("", read(document))
    for mention in re.findall(r"`([^`\n]+)`", prose):
        match = COMMAND.match(mention)
        if match is not None:
            command, rest = resolve(match[1].split())
            leaf = not hasattr(command, "commands")
            assert leaf or not rest, mention


def test_tests_that_are_named_exist() -> None:
    sources = "".join(read(path) for path in (ROOT / "tests").rglob("test_*.py"))
    for document in DOCUMENTS:
        for name in TEST_NAME.findall(read(document)):
            assert re.search(rf"def {name}\b", sources), f"{document.name}: {name}"


def test_rules_have_the_defaults_that_are_written() -> None:
    units = {"": 1, " s": 1, " credit": 10**6, " credits": 10**6, " MiB": 2**20, " days": 86400}
    units |= {" hour": 3600, " hours": 3600}
    text = read(ROOT / "docs/operating.md")
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+)( \w+)? \|", text, re.MULTILINE)
    assert len(rows) > 10
    for name, number, unit in rows:
        assert getattr(Policy(), name) == int(number.replace(",", "")) * units[unit], name


def test_audit_codes_that_are_named_exist() -> None:
    for document in ("operating.md", "auditing.md"):
        assert f"`{Code.EQUIVOCATION}`" in read(ROOT / "docs" / document)

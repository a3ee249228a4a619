"""The numbered prose: generated parts are current, and what it refers to exists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from newral_testing import vectors

from newral_ledger.audit.report import Code
from newral_spec import limits
from newral_spec.kinds import Kind

DOCUMENTS = sorted(vectors.SPEC.glob("*.md"))


def _text(name: str) -> str:
    return (vectors.SPEC / name).read_text(encoding="utf-8")


def test_tables_and_examples_are_what_the_script_makes(tmp_path: Path) -> None:
    for document in DOCUMENTS:
        shutil.copy(document, tmp_path)
    script = vectors.REPOSITORY / "scripts" / "make_prose.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60)
    for document in DOCUMENTS:
        assert (tmp_path / document.name).read_text(encoding="utf-8") == _text(document.name)


def test_the_table_of_kinds_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", _text("02-events-and-identity.md"), re.M)
    assert [(int(number), name) for number, name in rows] == [
        (int(kind), kind.name) for kind in Kind
    ]


def test_the_table_of_limits_is_the_one_in_the_code() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^ ]+) \|", _text("10-limits-and-security.md"), re.M)
    assert {name: float(value.replace(",", "")) for name, value in rows} == {
        name: value for name, value in vars(limits).items() if name.isupper()
    }


def test_every_code_of_an_audit_is_explained() -> None:
    explained = set(re.findall(r"\[`([a-z_]+)`\]", _text("08-trail.md")))
    assert explained == {code.value for code in Code}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_references_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#]+\.md)(?:#([^)]+))?\)", text):
        headings = re.findall(r"^#+ (.+)$", _text(target), re.M)
        anchors = {
            re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
        }
        assert not anchor or anchor in anchors, f"{target}#{anchor}"
    for path in re.findall(r"`(vectors/[\w./]+)`", text):
        assert (vectors.SPEC / "newral_spec" / path).exists(), path
    for name in re.findall(r"schema\s+`([\w.-]+\.json)`", text):
        assert (vectors.SCHEMAS / name).exists(), name
    for name in re.findall(r"`([A-Z]+(?:_[A-Z]+)*_(?:MAX|MIN|S))`", text):
        assert hasattr(limits, name), name

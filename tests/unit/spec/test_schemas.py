"""The JSON Schemas: what the types make of them, and what the vectors say to them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from newral_testing import vectors

CONTENT_FOR_OTHERS = {"feedback", "job_result"}
"""Messages whose content is for people, or the kernel's."""


def _schema(name: str) -> Draft202012Validator:
    schema = json.loads((vectors.SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _cases(*, valid: bool) -> list[Any]:
    """Contents in JSON with the schema that they satisfy or, where that can tell, do not."""
    cases = []
    for name, vector, content in vectors.contents():
        message = vector["message"]
        is_told_by_schema = "expected" in vector if valid else vector.get("error") == "content"
        if message in CONTENT_FOR_OTHERS or not is_told_by_schema:
            continue
        try:
            value = json.loads(content)
        except ValueError:
            continue
        schema = f"{message}_encrypted_tags" if isinstance(value, list) else message
        cases.append(pytest.param(schema, value, id=name))
    return cases


@pytest.mark.parametrize(("schema", "content"), _cases(valid=True))
def test_valid_content_satisfies_its_schema(schema: str, content: Any) -> None:
    _schema(schema).validate(content)


@pytest.mark.parametrize(("schema", "content"), _cases(valid=False))
def test_invalid_content_does_not(schema: str, content: Any) -> None:
    assert not _schema(schema).is_valid(content)


@pytest.mark.parametrize("name", vectors.names("trail/valid*.json"))
def test_trail_entries_satisfy_their_schemas(name: str) -> None:
    entry = vectors.load(name)["expected"]
    _schema(f"trail.{entry['type']}").validate(entry)


def test_encrypted_names_of_blobs_satisfy_their_schema() -> None:
    named = json.loads(vectors.load("job_result/valid.encrypted_blob.json")["plaintext"])
    nowhere = json.loads(vectors.load("job_result/invalid.content.no_address.json")["plaintext"])
    schema = _schema("job_result_encrypted_blob")
    schema.validate(named)
    assert not schema.is_valid(nowhere)


def test_stages_satisfy_their_schema() -> None:
    vector = vectors.load("workflow/valid.json")
    for stage in vector["workflow"]:
        _schema("stage").validate(stage)


def test_the_schemas_are_what_the_script_makes(tmp_path: Path) -> None:
    script = vectors.REPOSITORY / "scripts" / "make_schemas.py"
    subprocess.run([sys.executable, script, tmp_path], check=True, timeout=60)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in vectors.SCHEMAS.iterdir()}

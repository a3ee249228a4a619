"""Writes JSON Schemas of message contents and trail entries.

`python scripts/make_schemas.py [FOLDER]`; without a folder, into the package. They follow from the
types, so they cannot say more than those: what several members or an event's tags have to do with
each other is in the prose.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from newral_spec import trail
from newral_spec.messages import Announcement, Checkpoint, LeaseOffer, Stage, WorkRequest
from newral_spec.messages.job import EncryptedTags, JobContent
from newral_spec.messages.receipt import ReceiptContent
from newral_spec.messages.result import SealedBlob
from newral_spec.messages.work import SealedContent

SCHEMAS = Path(__file__).parents[1] / "spec" / "newral_spec" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

CONTENTS: dict[str, Any] = {
    "announcement": Announcement,
    "checkpoint": Checkpoint,
    "job_request": JobContent,
    "job_request_encrypted_tags": EncryptedTags,
    "job_result_encrypted_blob": SealedBlob,
    "lease": LeaseOffer,
    "receipt": ReceiptContent,
    "sealed_results": SealedContent,
    "stage": Stage,
    "work_request": WorkRequest,
}
"""What is in `content`, decrypted where it is encrypted; and a workflow's stage."""


def all_schemas() -> dict[str, dict[str, Any]]:
    """File name to schema."""
    schemas = {f"{name}.json": _schema(type_) for name, type_ in CONTENTS.items()}
    for entry in get_args(trail.Entry):
        schemas[f"trail.{entry.__struct_config__.tag}.json"] = _schema(entry)
    return schemas


def _schema(type_: Any) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components((type_,), ref_template="#/$defs/{name}")
    return {"$schema": DIALECT, **schema, **({"$defs": components} if components else {})}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SCHEMAS
    folder.mkdir(parents=True, exist_ok=True)
    schemas = all_schemas()
    for name, schema in schemas.items():
        text = json.dumps(schema, indent=2, ensure_ascii=False)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    for old in folder.glob("*.json"):
        if old.name not in schemas:
            old.unlink()


if __name__ == "__main__":
    main()

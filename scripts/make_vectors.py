"""Writes the test vectors of the specification: python scripts/make_vectors.py [FOLDER].

Without a folder, into the package. The same bytes every time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spec_vectors import answers, canonical, events, kernels, requests, session, trail_log, work
from spec_vectors.files import Files, pretty
from spec_vectors.messages import collect

VECTORS = Path(__file__).parents[1] / "spec" / "newral_spec" / "vectors"


def all_vectors() -> Files:
    """Every file."""
    return {
        **collect(
            requests.job_requests(),
            answers.feedbacks(),
            answers.job_results(),
            answers.announcements(),
            work.work_requests(),
            work.lease_offers(),
            work.sealed_results(),
            work.receipts(),
            work.checkpoints(),
        ),
        **requests.workflows(),
        **events.events(),
        **trail_log.entries(),
        **kernels.kernels(),
        "canonical_json.json": canonical.canonical(),
        "ids.json": trail_log.identifiers(),
        "commitments.json": trail_log.commitments(),
        "merkle.json": trail_log.merkle_trees(),
        "relay_session/from_clients.json": session.from_clients(),
        "relay_session/from_relays.json": session.from_relays(),
        "blossom.json": session.authorizations(),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS
    vectors = all_vectors()
    for path, content in vectors.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(pretty(content) + "\n", encoding="utf-8")
    for old in folder.rglob("*.json"):
        if old.relative_to(folder).as_posix() not in vectors:
            old.unlink()


if __name__ == "__main__":
    main()

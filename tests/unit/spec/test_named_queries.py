"""The form of files of named queries."""

from __future__ import annotations

import pytest

from newral_spec.postgres import InvalidQueries, parse_queries

TWO_QUERIES = """\
-- next_offset --
-- The offset that the next record of a topic gets, 100% of the time.
SELECT next_offset
FROM bridge.topics
WHERE topic = %(topic)s

-- topics --
-- Every topic.
SELECT topic FROM bridge.topics
"""


def test_queries_are_found_by_name_without_their_comments() -> None:
    queries = parse_queries(TWO_QUERIES)
    assert queries["topics"] == "SELECT topic FROM bridge.topics"
    assert (
        queries["next_offset"] == "SELECT next_offset\nFROM bridge.topics\nWHERE topic = %(topic)s"
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("SELECT 1\n", "before the first heading"),
        ("-- one --\nSELECT 1\n", "description"),
        ("-- one --\n-- Described.\n", "body"),
        ("-- one --\n-- A.\nSELECT 1\n-- one --\n-- B.\nSELECT 2\n", "two queries called one"),
    ],
)
def test_a_file_that_breaks_the_form_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(InvalidQueries, match=wrong):
        parse_queries(text)

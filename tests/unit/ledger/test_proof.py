"""One entry, shown to somebody who has a checkpoint."""

from __future__ import annotations

import pytest
from newral_testing.trails import honest_market

from newral_ledger.audit.proof import entry_is_proved, prove_entry
from newral_spec.messages import Checkpoint, decode_checkpoint

INPUTS = honest_market().inputs()


@pytest.mark.parametrize("checkpoint", [decode_checkpoint(event) for event in INPUTS.checkpoints])
def test_every_entry_is_proved_by_every_checkpoint_that_covers_it(checkpoint: Checkpoint) -> None:
    for position, raw in enumerate(INPUTS.entries[: checkpoint.size]):
        proof = prove_entry(INPUTS.entries, position, checkpoint.size)
        assert entry_is_proved(proof, raw, checkpoint)
        assert not entry_is_proved(proof, raw + b" ", checkpoint)
        other = prove_entry(INPUTS.entries, (position + 1) % checkpoint.size, checkpoint.size)
        assert not entry_is_proved(other, raw, checkpoint)


def test_a_proof_for_another_size_is_none() -> None:
    older, newest = (decode_checkpoint(INPUTS.checkpoints[index]) for index in (0, -1))
    assert not entry_is_proved(
        prove_entry(INPUTS.entries, 0, older.size), INPUTS.entries[0], newest
    )
    with pytest.raises(ValueError, match="entries, not"):
        prove_entry(INPUTS.entries, 0, len(INPUTS.entries) + 1)

"""Load, decide, carry out: the impure part of each input's handling, around pure decisions."""

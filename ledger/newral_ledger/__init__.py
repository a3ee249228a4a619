"""Transfers, the Merkle log, and its audit by anybody."""

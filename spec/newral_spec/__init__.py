"""The wire protocol of Newral: kinds, events, messages, codec, limits and the relay session.

The numbered prose that this package implements is `spec/01-overview.md` and its successors.
"""

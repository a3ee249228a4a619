"""The Nostr protocol's building blocks that Newral uses: one module per NIP."""

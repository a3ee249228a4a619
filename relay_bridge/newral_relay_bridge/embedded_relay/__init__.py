"""A small persistent Nostr relay, for one machine, a laboratory or a test.

NIP-01, 09, 11, 40, 42, 45 and 70 on one SQLite file.
"""

from newral_relay_bridge.embedded_relay.config import RelayConfig
from newral_relay_bridge.embedded_relay.server import serve
from newral_relay_bridge.embedded_relay.storage import StorageError

__all__ = ["RelayConfig", "StorageError", "serve"]

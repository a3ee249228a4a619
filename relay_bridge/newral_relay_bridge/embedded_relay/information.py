"""NIP-11: what the relay says about itself over plain HTTP."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from newral_relay_bridge.embedded_relay import config as bounds
from newral_relay_bridge.embedded_relay.config import RelayConfig
from newral_spec import limits

SUPPORTED_NIPS: Final = (1, 9, 11, 40, 42, 45, 70)
MEDIA_TYPE: Final = "application/nostr+json"


def information_document(config: RelayConfig) -> dict[str, Any]:
    """The NIP-11 document. Each limit in it is enforced."""
    return {
        "name": config.name,
        "description": config.description,
        "supported_nips": SUPPORTED_NIPS,
        "software": "newral",
        "limitation": {
            "max_message_length": limits.RELAY_MESSAGE_BYTES_MAX,
            "max_subscriptions": bounds.SUBSCRIPTIONS_MAX,
            "max_limit": bounds.STORED_EVENTS_MAX,
            "default_limit": bounds.STORED_EVENTS_MAX,
            "max_subid_length": limits.SUBSCRIPTION_ID_BYTES_MAX,
            "max_event_tags": limits.TAGS_MAX,
            "max_content_length": limits.CONTENT_BYTES_MAX,
            "created_at_upper_limit": bounds.FUTURE_S,
            "min_pow_difficulty": 0,
            "auth_required": config.require_auth,
            "payment_required": False,
            "restricted_writes": config.require_auth,
        },
    }


def answer_plain_http(
    config: RelayConfig, connection: ServerConnection, request: Request
) -> Response | None:
    """Answer a request that asks for no websocket; `None` for one that does."""
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return None
    if MEDIA_TYPE in request.headers.get("Accept", ""):
        text = msgspec.json.encode(information_document(config)).decode()
        media_type = MEDIA_TYPE
    else:
        text = f"{config.name}\n\n{config.description}\nConnect to it with a Nostr client.\n"
        media_type = "text/plain; charset=utf-8"
    response = connection.respond(HTTPStatus.OK, text)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = media_type
    # NIP-11: any page of the web may read this document.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Allow-Headers"] = "*"
    response.headers["Access-Control-Allow-Methods"] = "GET"
    return response

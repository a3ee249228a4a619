"""What can go wrong in a relay session, and whose fault it is."""

from __future__ import annotations


class LocalProtocolError(ValueError):
    """We asked for something that the protocol does not allow. Nothing was sent."""


class RemoteProtocolError(ValueError):
    """The peer sent something that the protocol does not allow. The connection can go on.

    `event_id` or `subscription` name what the message was about, where that could still be read,
    so that a relay can answer with `OK` or `CLOSED` instead of a bare `NOTICE`.
    """

    def __init__(
        self, message: str, *, event_id: str | None = None, subscription: str | None = None
    ) -> None:
        super().__init__(message)
        self.event_id = event_id
        self.subscription = subscription

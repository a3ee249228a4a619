"""The signed events that a log rests on, each verified once."""

from __future__ import annotations

from collections.abc import Mapping

from newral_spec.event import Event, InvalidEvent, parse_event, verify_event


class Unproven(Exception):
    """There is no authentic event that says what the log says."""


class Evidence:
    """Looks up and verifies events. `signatures` counts those found good."""

    def __init__(self, events: Mapping[str, bytes]) -> None:
        self.signatures = 0
        self._raw = events
        self._found: dict[str, Event | Unproven] = {}

    @property
    def events(self) -> int:
        """How many different events were asked for and are authentic."""
        return sum(isinstance(item, Event) for item in self._found.values())

    def verify(self, event: Event) -> None:
        """Raises `InvalidEvent`."""
        verify_event(event)
        self.signatures += 1

    def find(self, event_id: str) -> Event:
        """The authentic event of this id. Raises `Unproven`."""
        if event_id not in self._found:
            self._found[event_id] = self._look(event_id)
        found = self._found[event_id]
        if isinstance(found, Unproven):
            raise Unproven(str(found))
        return found

    def _look(self, event_id: str) -> Event | Unproven:
        raw = self._raw.get(event_id)
        if raw is None:
            return Unproven(f"event {event_id} was not found")
        try:
            event = parse_event(raw)
            self.verify(event)
        except InvalidEvent as error:
            return Unproven(f"event {event_id}: {error}")
        if event.id != event_id:
            return Unproven(f"event {event.id} was given as {event_id}")
        return event

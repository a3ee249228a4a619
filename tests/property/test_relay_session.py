"""A client session and a server session, driven against each other through random histories."""

from __future__ import annotations

import contextlib
from collections import Counter, deque

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from newral_spec import limits
from newral_spec.event import Event, sign_event
from newral_spec.keys import SecretKey
from newral_spec.session import (
    ClientSession,
    EventReceived,
    Filter,
    Publish,
    PublishAnswered,
    RemoteProtocolError,
    ServerSession,
    Subscribe,
    wire,
)

SECRET = SecretKey(b"\x01" * 32)
START = 1_000_000
PAGE_EVENTS = 100


class Relay:
    """The least that is a relay: everything stored, pages capped, nothing lost."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.late: set[str] = set()
        """Stored longer after their date than a resumed subscription looks back."""
        self.session = ServerSession(challenge="c", relay_urls=["ws://relay"])

    def receive(self, text: str, now: int) -> None:
        for command in self.session.receive(text, now):
            if isinstance(command, Publish):
                self.store(command.event, now)
                self.session.ok(command.event.id, accepted=True)
            elif isinstance(command, Subscribe):
                self._replay(command)

    def store(self, event: Event, now: int) -> None:
        if event.id in self.events:
            return
        if now - event.created_at > limits.CLOCK_SKEW_S:
            self.late.add(event.id)
        self.events[event.id] = event
        for name, filters in self.session.subscriptions.items():
            if any(item.matches(event) for item in filters):
                self.session.deliver(name, event.to_json())

    def _replay(self, command: Subscribe) -> None:
        newest = sorted(self.events.values(), key=lambda event: -event.created_at)
        found = {
            event.id: event
            for item in command.filters
            for event in [event for event in newest if item.matches(event)][:PAGE_EVENTS]
        }
        for event in found.values():
            self.session.deliver(command.subscription, event.to_json())
        self.session.eose(command.subscription)


class Histories(RuleBasedStateMachine):
    """Publishing, subscribing, losing messages and connections, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.relay = Relay()
        self.client = ClientSession(can_authenticate=False)
        self.to_relay: deque[str] = deque()
        self.to_client: deque[str] = deque()
        self.is_connected = False
        self.published: dict[str, Event] = {}
        self.answered: set[str] = set()
        self.received: Counter[tuple[str, str]] = Counter()
        self.subscribed: dict[str, tuple[Filter, ...]] = {}
        self.serial = 0

    def make(self, kind: int, age: int) -> Event:
        self.serial += 1
        return sign_event(SECRET, kind=kind, created_at=self.now - age, content=str(self.serial))

    @rule(kind=st.sampled_from([1, 2]), age=st.integers(0, 600))
    def publish(self, kind: int, age: int) -> None:
        event = self.make(kind, age)
        self.published[event.id] = event
        self.client.publish(event)

    @rule(kind=st.sampled_from([1, 2]), age=st.integers(0, 600), count=st.sampled_from([1, 150]))
    def somebody_else_publishes(self, kind: int, age: int, count: int) -> None:
        for number in range(count):
            self.relay.store(self.make(kind, age + number), self.now)

    @rule(name=st.sampled_from("ab"), kinds=st.sampled_from([(1,), (2,), (1, 2)]))
    def subscribe(self, name: str, kinds: tuple[int, ...]) -> None:
        filters = tuple(Filter(kinds=(kind,)) for kind in kinds)
        if name not in self.subscribed:
            self.client.subscribe(name, filters)
            self.subscribed[name] = filters

    @precondition(lambda self: not self.is_connected)
    @rule()
    def connect(self) -> None:
        self.relay.session = ServerSession(challenge="c", relay_urls=["ws://relay"])
        self.is_connected = True
        self.client.resume(self.now)

    @precondition(lambda self: self.is_connected)
    @rule()
    def lose_the_connection_and_all_that_is_under_way(self) -> None:
        self.is_connected = False
        self.to_relay.clear()
        self.to_client.clear()
        self.client.connection_lost()
        self.relay.session = ServerSession(challenge="c", relay_urls=["ws://relay"])

    @rule(seconds=st.integers(0, 2000))
    def time_passes(self, seconds: int) -> None:
        """Messages travel within the second or never: the overlap is not for a backlog of ours."""
        while self.is_connected and self.step():
            pass
        self.now += seconds

    @precondition(lambda self: self.is_connected)
    @rule(messages=st.integers(1, 50))
    def some_messages_travel(self, messages: int) -> None:
        for _ in range(messages):
            self.step()

    def step(self) -> bool:
        self.to_relay.extend(self.client.outgoing())
        self.to_client.extend(self.relay.session.outgoing())
        if self.to_relay:
            self.relay.receive(self.to_relay.popleft(), self.now)
            return True
        if self.to_client:
            self.client_receives(self.to_client.popleft())
            return True
        return False

    def client_receives(self, text: str) -> None:
        for item in self.client.receive(text, self.now):
            if isinstance(item, EventReceived):
                self.received[item.subscription, item.event.id] += 1
            elif isinstance(item, PublishAnswered):
                self.answered.add(item.event_id)

    @invariant()
    def no_event_is_received_twice(self) -> None:
        assert all(count == 1 for count in self.received.values())

    @invariant()
    def what_was_answered_is_stored(self) -> None:
        assert self.answered <= self.relay.events.keys()

    def teardown(self) -> None:
        """Once connections last, all that was published is stored, all that was stored received."""
        if not self.is_connected:
            self.connect()
        while self.step():
            pass
        assert self.answered == self.published.keys()
        for name, filters in self.subscribed.items():
            for event in self.relay.events.values():
                is_late = event.id in self.relay.late
                if not is_late and any(item.matches(event) for item in filters):
                    assert self.received[name, event.id] == 1


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)


@given(st.binary(max_size=400))
def test_garbage_raises_nothing_but_remote_protocol_errors(raw: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        ClientSession().receive(raw, START)
    ServerSession(challenge="c", relay_urls=[]).receive(raw, START)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda item: (
        st.lists(item, max_size=4) | st.dictionaries(st.text(max_size=8), item, max_size=4)
    ),
    max_leaves=12,
)
TYPES = ["EVENT", "REQ", "CLOSE", "AUTH", "COUNT", "OK", "EOSE", "CLOSED", "NOTICE"]
GENUINE = wire.serialise(wire.SubscribedEvent("s", sign_event(SECRET, kind=1, created_at=START)))


@given(st.sampled_from(TYPES), st.lists(JSON, max_size=4))
def test_well_formed_json_of_any_shape_raises_nothing_else(kind: str, rest: list[object]) -> None:
    raw = msgspec.json.encode([kind, *rest])
    with contextlib.suppress(RemoteProtocolError):
        ClientSession().receive(raw, START)
    ServerSession(challenge="c", relay_urls=[]).receive(raw, START)


@given(st.integers(0, len(GENUINE) - 1), st.characters())
def test_a_damaged_message_raises_nothing_else(position: int, character: str) -> None:
    raw = GENUINE[:position] + character + GENUINE[position + 1 :]
    with contextlib.suppress(RemoteProtocolError):
        ClientSession().receive(raw, START)

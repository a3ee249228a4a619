import base64
import json

import pytest

from newral_spec.event import sign_event
from newral_spec.keys import SecretKey
from newral_spec.nips import authorization_header, nip98
from newral_spec.nips.nip98 import Nip98Error

SECRET = SecretKey(b"\x05" * 32)
URL = "https://coordinator.example/v1/jobs?limit=5"
BODY = "ab" * 32
NOW = 1_700_000_000

# The header in NIP-98, from before it settled on the name `u` for what it calls `url` here.
PUBLISHED = (
    "Nostr eyJpZCI6ImZlOTY0ZTc1ODkwMzM2MGYyOGQ4NDI0ZDA5MmRhODQ5NGVkMjA3Y2JhODIzMTEwYmUzYTU3ZGZlNGI1"
    "Nzg3MzQiLCJwdWJrZXkiOiI2M2ZlNjMxOGRjNTg1ODNjZmUxNjgxMGY4NmRkMDllMThiZmQ3NmFhYmMyNGEwMDgxY2UyODU2"
    "ZjMzMDUwNGVkIiwiY29udGVudCI6IiIsImtpbmQiOjI3MjM1LCJjcmVhdGVkX2F0IjoxNjgyMzI3ODUyLCJ0YWdzIjpbWyJ1"
    "cmwiLCJodHRwczovL2FwaS5zbm9ydC5zb2NpYWwvYXBpL3YxL241c3AvbGlzdCJdLFsibWV0aG9kIiwiR0VUIl1dLCJzaWci"
    "OiI1ZWQ5ZDhlYzk1OGJjODU0Zjk5N2JkYzI0YWMzMzdkMDA1YWYzNzIzMjQ3NDdlZmU0YTAwZTI0ZjRjMzA0MzdmZjRkZDgz"
    "MDg2ODRiZWQ0NjdkOWQ2YmUzZTVhNTE3YmI0M2IxNzMyY2M3ZDMzOTQ5YTNhYWY4NjcwNWMyMjE4NCJ9"
)
PUBLISHED_URL = "https://api.snort.social/api/v1/n5sp/list"
PUBLISHED_AT = 1682327852


def header(payload: str | None = BODY, now: int = NOW) -> str:
    return nip98.authorization(SECRET, URL, "POST", payload, now)


def test_the_header_in_nip_98_is_authentic_but_lacks_the_tag_that_nip_98_requires() -> None:
    assert authorization_header.decode(PUBLISHED).created_at == PUBLISHED_AT
    with pytest.raises(Nip98Error, match="'u'"):
        nip98.verify(PUBLISHED, PUBLISHED_URL, "GET", None, PUBLISHED_AT)


def test_an_authorised_request_tells_who_signed_it() -> None:
    assert nip98.verify(header(), URL, "POST", BODY, NOW) == SECRET.public_key
    assert nip98.verify(header(None), URL, "POST", None, NOW) == SECRET.public_key


def test_the_verified_event_has_an_id_by_which_to_refuse_replays() -> None:
    first, again = (nip98.verified_event(header(), URL, "POST", BODY, NOW) for _ in range(2))
    later = nip98.verified_event(header(now=NOW + 1), URL, "POST", BODY, NOW)
    assert first.id == again.id != later.id


@pytest.mark.parametrize(
    ("url", "method", "payload", "reason"),
    [
        (URL + "0", "POST", BODY, "'u'"),
        (URL.replace("https", "http"), "POST", BODY, "'u'"),
        (URL, "PUT", BODY, "'method'"),
        (URL, "post", BODY, "'method'"),
        (URL, "POST", "cd" * 32, "'payload'"),
        (URL, "POST", None, "'payload'"),
    ],
)
def test_a_header_for_another_request_is_refused(
    url: str, method: str, payload: str | None, reason: str
) -> None:
    with pytest.raises(Nip98Error, match=reason):
        nip98.verify(header(), url, method, payload, NOW)


def test_an_unsigned_body_is_refused() -> None:
    with pytest.raises(Nip98Error, match="'payload'"):
        nip98.verify(header(None), URL, "POST", BODY, NOW)


@pytest.mark.parametrize("skew", [-60, 60])
def test_the_window_includes_its_ends(skew: int) -> None:
    assert nip98.verify(header(), URL, "POST", BODY, NOW + skew)


@pytest.mark.parametrize("skew", [-61, 61])
def test_outside_the_window_it_is_refused(skew: int) -> None:
    with pytest.raises(Nip98Error, match="time"):
        nip98.verify(header(), URL, "POST", BODY, NOW + skew)


def test_two_urls_in_one_event_are_refused() -> None:
    signed = sign_event(
        SECRET,
        kind=27235,
        created_at=NOW,
        tags=[("u", URL), ("u", "https://elsewhere.example"), ("method", "GET")],
    )
    with pytest.raises(Nip98Error, match="'u'"):
        nip98.verify(authorization_header.encode(signed), URL, "GET", None, NOW)


def test_an_event_of_another_kind_is_refused() -> None:
    signed = sign_event(SECRET, kind=1, created_at=NOW, tags=[("u", URL), ("method", "GET")])
    with pytest.raises(Nip98Error, match="kind"):
        nip98.verify(authorization_header.encode(signed), URL, "GET", None, NOW)


def test_a_tampered_event_is_refused() -> None:
    document = json.loads(base64.b64decode(header().removeprefix("Nostr ")))
    document["tags"][0][1] = "https://elsewhere.example"
    encoded = base64.b64encode(json.dumps(document).encode()).decode()
    with pytest.raises(Nip98Error, match="hash"):
        nip98.verify(f"Nostr {encoded}", "https://elsewhere.example", "POST", BODY, NOW)


@pytest.mark.parametrize("text", ["", "Nostr", "Nostr ", "Bearer abc", "Nostr é", "Nostr e30="])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(Nip98Error):
        nip98.verify(text, URL, "POST", BODY, NOW)


def test_an_overlong_header_is_refused_unread() -> None:
    with pytest.raises(Nip98Error, match="at most"):
        nip98.verify("Nostr " + "A" * 9000, URL, "POST", BODY, NOW)


def test_clients_that_use_the_url_alphabet_without_padding_are_understood() -> None:
    encoded = header().removeprefix("Nostr ").replace("+", "-").replace("/", "_").rstrip("=")
    assert nip98.verify(f"nostr {encoded}", URL, "POST", BODY, NOW) == SECRET.public_key

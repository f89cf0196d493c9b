"""What passes the door: every combination of what can be known of a request, against the rule in plain words."""

from itertools import product
from typing import Final

import pytest

from broker.pages.door import Knock, Refusal, Rule, has_secret, judge, same_origin
from broker.pages.sessions import Person, Session

_ORIGIN: Final = "https://board.example"
_ASKER: Final = Person("p", "Pat", frozenset({"asker"}))
_OTHER: Final = Person("q", "Kim", frozenset({"other"}))


@pytest.mark.parametrize("purpose_wanted", [True, False])
def test_an_answer_comes_only_where_nothing_speaks_against_it(purpose_wanted: bool) -> None:
    """All 3 x 2 ** 7 requests: a refusal exactly where one of the reasons is there, and one of those reasons."""
    rule = Rule(frozenset({"asker"}), purpose=purpose_wanted)
    flags = product([True, False], repeat=7)
    for person, (cookie, posted, query, origin, secret, in_time, purpose) in product(
        (None, _ASKER, _OTHER), list(flags)
    ):
        against = {
            Refusal.FORGED: person is None and cookie,
            Refusal.NOT_SIGNED_IN: person is None and not cookie,
            Refusal.ROLE: person is _OTHER,
            Refusal.BY_ADDRESS: query,
            Refusal.OTHER_SITE: posted and not origin,
            Refusal.NO_SECRET: posted and not secret,
            Refusal.TOO_OFTEN: posted and not in_time,
            Refusal.NO_PURPOSE: purpose_wanted and not purpose,
        }
        found = judge(
            rule,
            Knock(
                person=person,
                cookie=cookie,
                posted=posted,
                query=query,
                origin_ok=origin,
                secret_ok=secret,
                in_time=in_time,
                purpose=purpose,
            ),
        )

        assert (found is not None) is any(against.values())
        assert found is None or against[found]


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"origin": _ORIGIN}, True),
        ({"origin": _ORIGIN, "sec-fetch-site": "cross-site"}, True),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": "https://board.example.evil"}, False),
        ({"origin": "http://board.example"}, False),
        ({"origin": "https://board.example:8443"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({}, False),
    ],
)
def test_a_form_is_ours_only_if_the_browser_says_so(headers: dict[str, str], ours: bool) -> None:
    assert ours is same_origin(headers, _ORIGIN)


def test_a_secret_is_the_sessions_own() -> None:
    session = Session("key", "right", 0, 0)

    assert has_secret(session, {"csrf": "right"})
    assert not has_secret(session, {"csrf": "wrong"})
    assert not has_secret(session, {"csrf": "ríght"})
    assert not has_secret(session, {})
    assert not has_secret(session, None)

"""Sessions and limits under a clock that a test turns."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from broker.pages.limits import Limits, Rate
from broker.pages.sessions import Lifetime, Person, Sessions

_PAT = Person("p", "Pat", frozenset({"asker"}))
_LIFE = Lifetime(idle_s=100, absolute_s=1000, stranger_s=50)


@dataclass
class Clock:
    """Seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_session_is_found_by_its_cookie_and_by_nothing_else() -> None:
    sessions = Sessions(Clock(), _LIFE)
    cookie, opened = sessions.open(_PAT)

    assert opened is sessions.find(cookie)
    assert cookie != opened.key
    for wrong in (None, "", opened.key, cookie[:-1], cookie + "A", cookie.lower()):
        assert wrong == cookie or sessions.find(wrong) is None


def test_no_two_sessions_share_cookie_or_secret() -> None:
    sessions = Sessions(Clock(), _LIFE)
    made = [sessions.open(_PAT) for _ in range(50)]

    assert 50 == len({cookie for cookie, _ in made}) == len({one.csrf for _, one in made})


@given(st.lists(st.floats(0, 150), max_size=30))
def test_a_session_lives_as_long_as_neither_limit_is_passed(steps: list[float]) -> None:
    clock = Clock()
    sessions = Sessions(clock, _LIFE)
    cookie, _ = sessions.open(_PAT)
    alive = True
    for step in steps:
        clock.now += step
        alive = alive and step <= _LIFE.idle_s and clock.now <= _LIFE.absolute_s

        assert alive is (sessions.find(cookie) is not None)


def test_a_closed_session_forgets_person_and_answers() -> None:
    sessions = Sessions(Clock(), _LIFE)
    cookie, opened = sessions.open(_PAT)
    opened.memory["answers"] = {"one": "secret"}
    sessions.close(opened)

    assert sessions.find(cookie) is None
    assert (None, {}) == (opened.person, opened.memory)


def test_strangers_make_room_before_people_do() -> None:
    """A flood of strangers signs nobody out."""
    clock = Clock()
    sessions = Sessions(clock, _LIFE, most=10)
    cookie, _ = sessions.open(_PAT)
    for _ in range(500):
        clock.now += 0.01
        sessions.open()

    assert sessions.find(cookie) is not None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 20)), max_size=60))
def test_nobody_gets_more_than_the_rate_gives_and_none_pays_for_another(
    asked: list[tuple[str, float]],
) -> None:
    clock, rate = Clock(), Rate(burst=3, every_s=10)
    limits = Limits(clock, rate)
    allowed: dict[str, int] = {"a": 0, "b": 0}
    alone = Limits(clock, rate)
    for name, step in asked:
        clock.now += step
        granted = limits.allow(name)
        if name == "a":
            assert granted == alone.allow("a")
        allowed[name] += granted

        assert allowed[name] <= rate.burst + clock.now / rate.every_s + 1e-6


def test_limits_forget_rather_than_grow() -> None:
    clock = Clock()
    limits = Limits(clock, Rate(burst=2, every_s=10), most=5)
    for number in range(100):
        clock.now += 0.001
        assert limits.allow(f"name {number}")

    assert limits.allow("name 99")
    assert not limits.allow("name 99")

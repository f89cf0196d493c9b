"""Alarms, said: each new one once in the log and in the metrics, and all that stand in a file that ``status`` reads.

The log holds codes, opaque ids and times; what an event says is in neither.
"""

from collections import Counter
from typing import Final

import structlog

from adapters.gateway.duties.watching import Alarm, Watching
from adapters.gateway.home import Home
from broker.clock import to_ms
from broker.store.standing import StandingAlarms, write_alarms
from broker.telemetry.watching import GatewayWatch

_log = structlog.get_logger()

EVERY_S: Final = 30.0
"""The shortest that anybody may be silent is a minute, before it is an alarm."""


class Alarming:
    """Looks over one home now and then, for its running gateway."""

    def __init__(self, home: Home, watching: Watching, watch: GatewayWatch) -> None:
        self._home = home
        self._watching = watching
        self._watch = watch
        self._said: frozenset[tuple[str, str, str]] = frozenset()

    def look(self) -> list[Alarm]:
        """Say what is new, write down what stands; gives what is new. Raises UnavailableError."""
        standing = self._watching.alarms()
        fresh = [alarm for alarm in standing if _name(alarm) not in self._said]
        for alarm in fresh:
            _log.warning(
                "alarm",
                code=alarm.code,
                about=alarm.about,
                rests_with=alarm.rests_with,
                since_ms=alarm.since_ms,
            )
        # One that was mended and comes back is news again.
        self._said = frozenset(_name(alarm) for alarm in standing)
        self._watch.alarms(Counter(alarm.code for alarm in fresh), len(standing))
        codes = Counter(alarm.code for alarm in standing)
        first_ms = min((alarm.since_ms for alarm in standing), default=None)
        write_alarms(self._home.folder, StandingAlarms(to_ms(self._home.clock()), codes, first_ms))
        return fresh


def _name(alarm: Alarm) -> tuple[str, str, str]:
    return alarm.code, alarm.about, alarm.rests_with

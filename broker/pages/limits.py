"""How often somebody may knock: a bucket per name, filled at a steady rate."""

from dataclasses import dataclass
from threading import Lock

from broker.pages.sessions import Seconds


@dataclass(frozen=True, slots=True)
class Rate:
    """``burst`` at once, then one in every ``every_s`` seconds."""

    burst: int
    every_s: float


class Limits:
    """Buckets for one rate. The fullest are forgotten first when there are too many: they would allow anyway."""

    def __init__(self, now: Seconds, rate: Rate, *, most: int = 10_000) -> None:
        self._now = now
        self._rate = rate
        self._most = most
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def allow(self, name: str) -> bool:
        """Take one from the bucket of ``name``. False: it is empty, wait."""
        with self._lock:
            left = self._filled(name)
            if left < 1:
                return False
            if name not in self._left and len(self._left) >= self._most:
                del self._left[max(self._left, key=self._filled)]
            self._left[name] = (left - 1, self._now())
            return True

    def _filled(self, name: str) -> float:
        left, since = self._left.get(name, (float(self._rate.burst), self._now()))
        return min(float(self._rate.burst), left + (self._now() - since) / self._rate.every_s)

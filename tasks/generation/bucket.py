"""A token bucket: how many requests a minute a server gets from all workers together."""

from typing import NamedTuple

#: What may be sent at once after a pause: this share of a minute's requests, and one more.
BURST_SHARE = 0.05
#: A token that lacks no more than this is whole: moments are no more exact than that.
_ALMOST = 0.001


class Level(NamedTuple):
    """Tokens in the bucket, at a moment (UNIX time in seconds)."""

    tokens: float
    at: float


def find_capacity(per_minute: int) -> float:
    """Tokens that a bucket holds at most. In any minute no more than `per_minute` plus these can be taken."""
    return 1.0 + per_minute * BURST_SHARE


def fill(level: Level | None, *, per_minute: int, now: float) -> Level:
    """The bucket at `now`; one that nobody has looked at is full, and a clock that went back fills nothing."""
    if level is None:
        return Level(find_capacity(per_minute), now)
    filled = level.tokens + max(now - level.at, 0.0) * per_minute / 60.0
    return Level(min(filled, find_capacity(per_minute)), max(now, level.at))


def count_seconds_to_token(level: Level, *, per_minute: int) -> float:
    """How long until there is a whole token, in seconds."""
    lacking = 1.0 - level.tokens
    return 0.0 if lacking <= _ALMOST else lacking * 60.0 / per_minute

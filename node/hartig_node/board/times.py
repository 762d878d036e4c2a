"""RFC 3339 times and milliseconds."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(moment_ms: int) -> str:
    """Return a moment in ms as RFC 3339 text in UTC, to the second (beyond year 9999: the last second)."""
    try:
        moment = _EPOCH + timedelta(milliseconds=moment_ms)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> int:
    """Return the moment that RFC 3339 text names, in ms; raises ValueError, also where the offset is missing."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset from UTC, as in 2026-11-22T18:00:00Z")
    return (moment - _EPOCH) // timedelta(milliseconds=1)

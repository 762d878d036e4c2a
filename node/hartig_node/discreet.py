"""What is written down says which hub, never from where: no address of a machine stands in a log (design, P14).

Whoever logs names nodes by their ids and says "a typed address", "an address on a card". This is what stands behind
that: the last hand on every line, also on tracebacks and on what libraries say at their most talkative. Who calls:
`hartig run`; what people ask for (`hartig peers`, `doctor`) is no log, and may name addresses.
"""

import ipaddress
import logging
import re
import sys

HIDDEN = "(address)"
_LINE = "%(levelname)s %(name)s: %(message)s"
_MAC = re.compile(r"(?<![0-9A-Za-z:-])[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){4}(?![0-9A-Za-z:-])")
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9A-Za-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*(?:%[\w-]+)?(?![0-9A-Za-z])")
_LOCAL_NAME = re.compile(r"(?<![\w.-])[\w-]+(?:\.[\w-]+)*\.local\b", re.IGNORECASE)


def without_addresses(text: str) -> str:
    """Return a text in which IP addresses, hardware addresses and the names of mDNS are hidden."""
    for pattern in (_MAC, _IPV4, _LOCAL_NAME):
        text = pattern.sub(HIDDEN, text)
    return _IPV6.sub(_hide_ipv6, text)


def _hide_ipv6(match: re.Match[str]) -> str:
    """Hide what is an address, and keep times, slices and the colon at a sentence's end."""
    found = match[0].rstrip(".")
    for candidate in (found, found.rstrip(":")):
        try:
            ipaddress.IPv6Address(candidate)
        except ValueError:
            continue
        if re.search(r"[0-9A-Fa-f]", candidate):
            return HIDDEN + match[0][len(candidate) :]
    return match[0]


class DiscreetFormatter(logging.Formatter):
    """Formats a line, with its traceback, and hides addresses in all of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the whole text of a line."""
        return without_addresses(super().format(record))


def begin(level: str) -> None:
    """Let this process log to stderr, from a level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(DiscreetFormatter(_LINE))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # It logs a traceback whenever a network goes; what that means for hubs is in `status`.
    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)

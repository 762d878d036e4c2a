"""Time zones by their IANA names: which one this machine is in, and the rules of one.

The rules are the system's where it has them, else those of the `tzdata` package: small images of Debian lack them. No
verdict of the mesh asks a zone; it is asked when a repeating post is written, and when a page tells a time.
"""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NAME_CHARACTERS_MAX = 48  # the longest in use has 32
# Names begin with a capital: so nobody asks for `right/...`, which counts leap seconds, or for a file beside the zones.
_NAME = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_LINK = Path("/etc/localtime")
_FILE = Path("/etc/timezone")


def is_zone_name(name: object) -> bool:
    """Whether this has the form of a zone's name; the zone may not exist."""
    return isinstance(name, str) and len(name) <= NAME_CHARACTERS_MAX and _NAME.fullmatch(name) is not None


def zone_of(name: str) -> ZoneInfo | None:
    """Return the rules of a zone, or None where nobody here knows it."""
    if not is_zone_name(name):
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # no such file; one that holds no zone; a folder
        return None


def own_zone_name(said: str | None = None, link: Path = _LINK, file: Path = _FILE) -> str | None:
    """Return the name of this machine's zone: of TZ, of the link that the system follows, or of Debian's file.

    Pages tell times in the same zone. None where it has no name, as with `TZ=CET-1CEST`. `said` is TZ, for tests.
    """
    said = os.environ.get("TZ") if said is None else said
    if said is not None:
        name = said.removeprefix(":") or "UTC"
        return name if zone_of(name) else None
    if not link.exists():
        return "UTC"
    found = str(link.resolve()).partition("/zoneinfo/")[2]
    if not zone_of(found):
        found = file.read_text(encoding="utf-8", errors="replace").strip() if file.is_file() else ""
    return found if zone_of(found) else None

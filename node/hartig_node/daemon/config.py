"""Settings: a TOML file, environment overrides, and an error that says where and what was meant.

In: FOLDER/hartig.toml and HARTIG_* variables. Out: a `Config`. A setting is one line of `SETTINGS`.
"""

import os
import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hartig_node.daemon.folder import write_whole
from hartig_node.net.addresses import parse_address
from hartig_protocol.errors import RemoteError
from hartig_protocol.limits import ADDRESSES_MAX, NAME_BYTES_MAX

if TYPE_CHECKING:
    from hartig_node.reckoning import ClockTrust  # not at run time: it brings the core with it

PEER_PORT, API_PORT, SITE_PORT, DESK_PORT = 4279, 4278, 8080, 4280
PEERS_MAX = 64
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")


class ConfigError(Exception):
    """A setting is wrong; the message says where, what, and what would do."""


@dataclass(frozen=True)
class Config:
    """All settings of a node. Ports 0 are chosen by the system; `interfaces` empty means all but loopback."""

    name: str = "Hub"
    languages: tuple[str, ...] = ("en",)
    peer_port: int = PEER_PORT
    api_port: int = API_PORT
    site_port: int = SITE_PORT
    desk_port: int = DESK_PORT
    site: bool = True
    desk: bool = True
    api: bool = True
    interfaces: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    advertise: tuple[str, ...] = ()
    site_names: tuple[str, ...] = ()
    clock: "ClockTrust" = "auto"
    log: str = "info"
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)


def checked_name(value: Any) -> str:
    """Return a name of a hub or a network that can be read; raises `ConfigError`."""
    try:
        return _name(value)
    except ValueError as error:
        raise ConfigError(f"a name {error}") from error


def _name(value: Any) -> str:
    is_said = isinstance(value, str) and any(unicodedata.category(one)[0] not in "CZ" for one in value)
    if not is_said or not len(value.encode()) <= NAME_BYTES_MAX:
        raise ValueError(f"must be text of up to {NAME_BYTES_MAX} bytes with something to read in it")
    return str(value)


def _port(value: Any) -> int:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if type(value) is not int or not 0 <= value <= 65535:
        raise ValueError("must be a port from 1 to 65535 (or 0 for any)")
    return value


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "on", "off", "1", "0"):
        return value.lower() in ("true", "on", "1")
    raise ValueError("must be true or false")


def _one_of(*allowed: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return str(value)

    return read


def _list_of(check: Callable[[str], object], items_max: int) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [item.strip() for item in value.split(",") if item.strip()]
        if not isinstance(value, list) or len(value) > items_max or not all(isinstance(one, str) for one in value):
            raise ValueError(f"must be a list of at most {items_max} texts")
        for one in value:
            check(one)
        return tuple(value)

    return read


def _language(tag: str) -> None:
    if _LANGUAGE.fullmatch(tag) is None:
        raise ValueError(f"{tag!r} is no language tag such as es or zh-Hant")


def _ip(text: str) -> None:
    import ipaddress

    ipaddress.ip_address(text.partition("%")[0])


def _peer(text: str) -> None:
    address = text.rpartition("@")[2]
    try:
        parse_address(address)
    except RemoteError as error:
        raise ValueError(str(error)) from error
    node = text.rpartition("@")[0]
    if node and re.fullmatch(r"[0-9a-f]{64}", node) is None:
        raise ValueError(f"{node!r:.40} is no node id: 64 hexadecimal digits before the @")


def _host(text: str) -> None:
    if re.fullmatch(r"[A-Za-z0-9.-]{1,253}", text) is None:
        raise ValueError(f"{text!r:.60} is no host name")


SETTINGS: dict[str, Callable[[Any], Any]] = {
    "name": _name,
    "languages": _list_of(_language, 8),
    "peer_port": _port,
    "api_port": _port,
    "site_port": _port,
    "desk_port": _port,
    "site": _switch,
    "desk": _switch,
    "api": _switch,
    "interfaces": _list_of(_ip, 16),
    "peers": _list_of(_peer, PEERS_MAX),
    "advertise": _list_of(_peer, ADDRESSES_MAX),
    "site_names": _list_of(_host, 16),
    "clock": _one_of("auto", "trusted", "untrusted"),
    "log": _one_of("debug", "info", "warning", "error"),
}
ENVIRONMENT_START = "HARTIG_"
ENVIRONMENT_OTHER = frozenset({"HARTIG_FOLDER", "HARTIG_URL", "HARTIG_TOKEN"})


def read_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read the settings file, if there is one, and the environment, which wins.

    Raises `ConfigError`.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for name, value in _read_file(path).items():
        values[name], sources[name] = _checked(name, value, str(path)), str(path)
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT_START) or variable in ENVIRONMENT_OTHER:
            continue
        name = variable.removeprefix(ENVIRONMENT_START).lower()
        if name not in SETTINGS:
            continue  # other programs of ours (tests, packaging) may use the same start
        values[name], sources[name] = _checked(name, environment[variable], variable), variable
    return Config(**values, sources=sources)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8: write it again, or remove it for the defaults") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _checked(name: str, value: Any, where: str) -> Any:
    if name not in SETTINGS:
        import difflib  # late: hardly ever needed

        close = difflib.get_close_matches(name, SETTINGS, 1)
        hint = f"did you mean {close[0]}?" if close else f"known settings: {', '.join(SETTINGS)}"
        raise ConfigError(f"{where}: there is no setting {name!r}; {hint}")
    try:
        return SETTINGS[name](value)
    except ValueError as error:
        raise ConfigError(f"{where}: {name} {error}") from error


def write_settings(path: Path, values: Mapping[str, Any]) -> None:
    """Check settings and write them into a new file; one that a person has written already stays."""
    for name, value in values.items():
        _checked(name, value, f"--{name}")
    if not path.exists():
        write_whole(path, settings_text(values).encode())


def settings_text(values: Mapping[str, Any]) -> str:
    """Return a settings file with these values, and the others as comments that say what they would be."""
    default = Config()
    lines = ["# Settings of this hub. Lines with # show what holds when nothing is said.", ""]
    for name in SETTINGS:
        value = values.get(name)
        shown = getattr(default, name) if value is None else value
        lines.append(f"{'# ' if value is None else ''}{name} = {_toml(shown)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(one) for one in value)}]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped) + '"'

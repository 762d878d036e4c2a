"""Which rows were posted before, so that running an import again continues it and repeats nothing.

Every imported post's `source` ends with a key, computed from what the row says; what the node holds under such a key
is known. The keys are also kept in FOLDER/imports/done, since a post that was withdrawn loses its words. Both are
asked: the one survives a crash between the node's answer and our note of it, the other survives the post.

The key is computed from nothing but what the post itself shows, so it tells nobody more; and not from --set, so that an
import that was set wrongly is not doubled by the next one (`--again` does that). Two rows that say the same are
told apart by counting them. A corrected line is a new one; lines that were posted are passed over.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

KEY_CHARACTERS = 16  # 64 bits: a chance of 10⁻¹¹ that two of 20,000 rows share one
KEYS_KEPT_MAX = 200_000  # some 4 MB; the oldest go first
SOURCE_BYTES_MAX = 240  # SPEC, part N
_MARK = "import "
_KEY = re.compile(rf"(?:^| )import ([0-9a-f]{{{KEY_CHARACTERS}}}(?:-\d+)?)$")


class Keys:
    """Gives each row of one file its key."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def next_key(self, said: Mapping[str, str]) -> str:
        """Return the key of the next row of the file, by what its mapped columns say."""
        text = json.dumps(said, sort_keys=True, ensure_ascii=True)
        digest = hashlib.sha256(b"hartig import\x00" + text.encode()).hexdigest()[:KEY_CHARACTERS]
        self._counts[digest] += 1
        count = self._counts[digest]
        return digest if count == 1 else f"{digest}-{count}"


def with_key(draft: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the draft with its key at the end of its source."""
    before = draft.get("source")
    if not isinstance(before, str) or not before:
        return {**draft, "source": f"{_MARK}{key}"}
    room = SOURCE_BYTES_MAX - len(_MARK) - len(key) - 1
    return {**draft, "source": f"{before.encode()[:room].decode('utf-8', 'ignore')} {_MARK}{key}"}


def keys_of(posts: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the keys under which posts stand on the node."""
    found = (_KEY.search(str(post.get("source") or "")) for post in posts)
    return {match[1] for match in found if match}


class Done:
    """The keys noted on this machine."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "imports" / "done"

    def load(self) -> set[str]:
        """Return the keys noted so far; a half line of a crash is no key."""
        try:
            lines = self._path.read_text(encoding="ascii", errors="replace").splitlines()
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return set()
        if len(lines) > KEYS_KEPT_MAX:
            lines = lines[-KEYS_KEPT_MAX:]
            self._replace(lines)
        return {line for line in lines if re.fullmatch(r"[0-9a-f]{16}(-\d+)?", line)}

    def add(self, keys: Iterable[str]) -> None:
        """Note keys durably; raises `OSError` where this user may not write there."""
        self._make_folder()
        text = "".join(f"{key}\n" for key in keys)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            self._keep_owner(descriptor)
            file.write(text)
            file.flush()
            os.fsync(descriptor)

    def _make_folder(self) -> None:
        folder = self._path.parent
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._keep_owner(descriptor)
            finally:
                os.close(descriptor)

    def _keep_owner(self, descriptor: int) -> None:
        """Give what root makes here to the user that the hub runs as."""
        if os.geteuid() == 0:
            owner = self._path.parent.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def _replace(self, lines: Iterable[str]) -> None:
        part = self._path.with_name("done.part")
        part.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        part.replace(self._path)


def state_folder(folder: str, url: str | None, environment: Mapping[str, str]) -> Path:
    """Return where to note what is done: the hub's folder, or, for a node elsewhere, this user's XDG state."""
    if url is None:
        return Path(folder)
    home = environment.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else Path(environment.get("HOME") or Path.home()) / ".local/state"
    # A node elsewhere is another hub with a done list of its own.
    return base / "hartig" / hashlib.sha256(url.encode()).hexdigest()[:16]

"""What a person can do while the demo runs: pages to open, lines to paste. Pure.

In: the first hub's API and the file with the token's header. Out: lines of at most 80 columns; a
command that needs more than one can still be pasted as it stands. Who calls: `screen` and
`plain`.
"""

import shlex
from pathlib import Path

COLUMNS_MAX = 80
BROKEN = " \\"
DRAFT = '{"category":"tools","title":"A ladder","quantity":1,"unit":"H87"}'
INVITATION = "Post something on one of these pages: it appears on all three. Or paste:"
ENDING = "Ctrl-C ends all of it."


def curl_lines(api: str, token_file: Path) -> list[str]:
    """Return three commands that list, search and publish."""
    curl = f"curl -H {shlex.quote(f'@{token_file}')}"
    return [
        _in_lines(curl, f"{api}/api/v1/posts"),
        _in_lines(curl, shlex.quote(f"{api}/api/v1/search?q=bed")),
        _in_lines(curl, f"{api}/api/v1/needs", f"--json {shlex.quote(DRAFT)}"),
    ]


def _in_lines(first: str, *parts: str) -> str:
    """Return a command in as few lines as fit, all but the last ending in a backslash."""
    lines = [first]
    for part in parts:
        candidate = f"{lines[-1]} {part}"
        if len(candidate) + len(BROKEN) <= COLUMNS_MAX or (part == parts[-1] and len(candidate) <= COLUMNS_MAX):
            lines[-1] = candidate
        else:
            lines.append(f"  {part}")
    return f"{BROKEN}\n".join(lines)


def ending(folder: Path, *, is_kept: bool) -> str:
    """Say what Ctrl-C does."""
    return f"{ENDING} {what_stays(folder, is_kept=is_kept)}"


def what_stays(folder: Path, *, is_kept: bool) -> str:
    """Say what is left after the end."""
    return f"The folders stay in {folder}." if is_kept else "Nothing stays behind."

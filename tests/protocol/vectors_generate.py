"""Writes protocol/vectors/*.json anew; the same bytes every time. Run: `python tests/protocol/vectors_generate.py`.

In: the vector parts, which make records and frames by SPEC.md with a writer of their own. Out: one file for each part
of SPEC.md. A test compares what is written here with what is checked in.
"""

import json
import sys
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from protocol.vector_parts import (
    audits,
    authority,
    bundles,
    crossing,
    deals,
    encoding,
    governance,
    invites,
    keys,
    life,
    links,
    marks,
    messages,
    overlays,
    posts,
    records,
    sets,
    steps,
    streams,
)
from protocol.vector_parts.composing import Fields

VECTORS = Path(__file__).resolve().parents[2] / "protocol" / "vectors"
PARTS = {
    "E": "encoding",
    "K": "keys",
    "R": "records",
    "L": "life",
    "G": "governance",
    "C": "cards",
    "N": "posts",
    "A": "authority",
    "T": "chains",
    "D": "deals",
    "W": "waiting",
    "S": "streams",
    "O": "overlay",
    "F": "audit",
    "M": "messages",
    "H": "greetings",
    "I": "invites",
    "B": "bundles",
    "X": "partners",
}
MODULES = (
    encoding,
    keys,
    records,
    life,
    governance,
    posts,
    authority,
    sets,
    steps,
    deals,
    marks,
    messages,
    links,
    streams,
    overlays,
    audits,
    invites,
    bundles,
    crossing,
)


def files() -> dict[str, str]:
    """The text of every vector file by its name."""
    by_part: dict[str, list[Fields]] = {part: [] for part in PARTS}
    for module in MODULES:
        for vector in module.vectors():
            by_part[vector["rule"][0]].append(vector)
    return {f"{PARTS[part]}.json": _text(vectors) for part, vectors in by_part.items()}


def _text(vectors: list[Fields]) -> str:
    """One vector a line, by rule and then as made, so that a change shows as the lines that changed."""
    ordered = sorted(vectors, key=lambda vector: int(vector["rule"][1:]))
    names: Counter[tuple[str, str]] = Counter()
    for vector in ordered:
        name = (vector["rule"], vector["name"])
        names[name] += 1
        if names[name] > 1:
            vector["name"] += f" ({names[name]})"
    lines = [json.dumps(vector, ensure_ascii=False) for vector in ordered]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    """Write all files."""
    VECTORS.mkdir(exist_ok=True)
    for name, text in files().items():
        (VECTORS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

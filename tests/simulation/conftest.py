"""How many worlds a run lives through: `HARTIG_WORLDS=n` for more than the usual."""

import os

WORLDS_USUALLY = 200


def pytest_generate_tests(metafunc: object) -> None:
    """Give each test that asks for a `seeds` batch its own part of the worlds."""
    names = getattr(metafunc, "fixturenames", ())
    if "seeds" in names:
        count = int(os.environ.get("HARTIG_WORLDS", str(WORLDS_USUALLY)))
        batches = [range(at, min(at + 20, count)) for at in range(0, count, 20)]
        metafunc.parametrize("seeds", batches, ids=[f"{batch[0]}-{batch[-1]}" for batch in batches])  # type: ignore[attr-defined]

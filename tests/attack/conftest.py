"""One daemon for each module of attacks: what one attack left behind must not spare the next."""

from collections.abc import Iterator

import pytest

from attack.ground import Victim, victim


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A hub that is alone in its network."""
    with victim(tmp_path_factory.mktemp("attack") / "hub") as running:
        yield running

"""Who was removed waits until the remover is removed as well, and comes back with all it ever had."""

import asyncio

import pytest

from attack.ground import Victim

pytestmark = pytest.mark.end_to_end


@pytest.mark.parametrize(("more", "comes_back"), [((), False), (("--return-all",), True)])
async def test_who_was_removed_stays_out_when_the_remover_is_removed(
    hub: Victim, more: tuple[str, ...], comes_back: bool
) -> None:
    organiser, spoiler = hub.member(rank="organiser"), hub.member()
    await hub.bring(spoiler, hub.need(spoiler.key, place=1))
    await hub.bring(organiser, hub.network.revoke(spoiler.key.public, author=organiser.key, stamp=hub.now_ms))
    assert await hub.ending_of(spoiler.node, hub.hello(spoiler)) == "revoked"
    seat = ("--key", hub.daemon.folder / "seats" / "seat-2.key", "--yes")
    said = await asyncio.to_thread(hub.daemon.command, "revoke", organiser.key.public.hex(), *seat, *more)
    assert (spoiler.key.public.hex() in said["stay_removed"]) is not comes_back
    await hub.bring(hub.member(), *spoiler.proofs[1:], need := hub.need(spoiler.key, place=2))
    assert hub.holds(need) is comes_back

"""P6: contact travels only sealed, only after claim and promise, and then always."""

from pathlib import Path
from typing import Any

import pytest

from hartig_protocol.records.record import Record
from privacy.hubs import DiskHub, found_in, hubs, meet

ANA, BEN = "Ana, knock thrice at the cellar", "Ben, behind the violet boiler"
POST: dict[str, Any] = {"category": "household.bedding", "title": "Coats", "days": 30}


async def say(hub: DiskHub, thread: bytes, **facts: Any) -> Record:
    async with hub.bench.board.ledger.writing(thread):
        return await hub.bench.board.ledger.write(thread, facts)


@pytest.mark.parametrize(("lot_says", "need_says"), [(ANA, BEN), (None, None)])
async def test_p06_sealed_after_claim_and_promise_and_then_always(
    tmp_path: Path, lot_says: str | None, need_says: str | None
) -> None:
    async with hubs(tmp_path, 3) as (giver, asker, third):
        boards = [one.bench.board for one in (giver, asker, third)]
        offer = await boards[0].posts.publish({**POST, "kind": "offer", "contact": lot_says})
        lot = bytes.fromhex(offer.id)
        await say(giver, lot, verb="count", quantity=9, why="opened")
        need = bytes.fromhex((await boards[1].posts.publish({**POST, "kind": "need", "contact": need_says})).id)
        await say(asker, need, verb="count", quantity=2, why="needed")
        claim = (await say(asker, need, verb="claim", lot=lot, quantity=2, asks=2)).id
        await meet(giver, asker, third)
        for board in boards:
            assert not await board.contacts.bring(claim)
            assert await board.contacts.contact_of(claim) is None
        await say(giver, lot, verb="promise", claim=claim, quantity=2, hold=60)
        await meet(giver, asker, third)
        assert [await board.contacts.bring(claim) for board in boards] == [True, True, False]
        await meet(giver, asker, third)
        read = [await board.contacts.contact_of(claim) for board in boards]
        assert read == [need_says or boards[1].config.name, lot_says or boards[0].config.name, None]
        if lot_says is not None:
            assert found_in(giver.folder, BEN) == found_in(asker.folder, ANA) == []
            assert found_in(third.folder, ANA, BEN) == []

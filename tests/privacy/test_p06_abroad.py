"""P6, across networks: what is sealed for a partner goes to that partner, and needs go nowhere else."""

from hartig_protocol.records.opening import open_record
from hartig_protocol.records.record import Kind
from node.test_deals_abroad import BLANKETS, COLD
from support.towns import found, linked, rest, running, say, towns


async def test_p06_a_third_network_reads_no_need_and_no_contact() -> None:
    """The giver has two partners; of a deal with one the other gets ids and quantities alone (SPEC X4)."""
    giver, needer, third = towns(3)
    async with running(giver), running(needer), running(third):
        await found(giver, needer)
        await say(giver, third, place=997)
        await found(needer, giver)
        await found(third, giver)
        async with linked(needer, giver), linked(third, giver):
            lot = await giver.board.posts.publish({**BLANKETS, "contact": "Ring twice"})
            need = await needer.board.posts.publish(COLD)
            await rest(giver, needer, third)
            deal = (await needer.board.deals.ask(need.id, lot.id)).id
            await rest(giver, needer, third)
            await giver.board.deals.promise(deal)
            await rest(giver, needer, third)
            assert await needer.board.contacts.contact_of(bytes.fromhex(deal)) == "Ring twice"
            assert (await third.board.posts.get(lot.id)).progress["promised"] == "3"
            held = [row.wire for disk in (third.home, *third.disks.values()) for row in disk.rows.values()]
            steps = [wire for wire in held if open_record(wire, verify_signature=False).head.kind == Kind.STEP]
            contacts = [open_record(one, verify_signature=False) for one in steps]
            assert [one.body_bytes for one in contacts if one.head.facts["verb"] == "contact"] == [None]
            assert not any(b"Cold nights" in part for wire in held for part in wire if part)
            assert not any(needer.network.id in wire[0] for wire in held if wire not in steps)

"""An organiser's hub goes over to a new key: whom it had removed stays so, and a thief's removals are asked about."""

import asyncio
from pathlib import Path

import pytest

from hartig_node.board.signing import logged
from hartig_node.cli.exits import OK, REFUSED
from hartig_node.daemon import commands, recover, recovering
from hartig_node.daemon.config import Config
from hartig_node.daemon.folder import HubFolder
from hartig_node.daemon.offline import judged
from hartig_node.glossary import words_used
from hartig_node.keyfile import read_key_file
from hartig_protocol.records.keys import SigningKey
from hartig_protocol.records.record import Record
from support.records import Network, key

OURS, THEIRS = key("removed here"), key("removed by a thief")


@pytest.fixture
async def folder(tmp_path: Path) -> HubFolder:
    """A hub whose trustee made it an organiser; it removed two that the trustee had let in."""
    where = tmp_path / "hub"
    assert await asyncio.to_thread(commands.init, ["--folder", str(where), "--json"]) == 0
    folder = HubFolder(where)
    seat = SigningKey(read_key_file(where / "seats" / "seat-1.key", str))
    async with recovering._opened(folder, Config(clock="trusted"), folder.read_network().network) as context:
        network, now_ms = Network(seat=seat), context.clock.reading().wall_ms
        (network.charter,) = context.pen.catalog.charters.path
        standing = context.pen.catalog.authority.standing(context.pen.key.public)
        assert standing is not None
        assert standing.grant is not None
        recovery = context.pen.catalog.governance[standing.grant].head.facts["recovery"]
        records: list[Record] = [
            network.grant(context.pen.key.public, rank="organiser", place=1, recovery=recovery, stamp=now_ms),
            *(network.grant(one.public, place=5 + at, stamp=now_ms) for at, one in enumerate((OURS, THEIRS))),
            *(network.revoke(one.public, author=context.pen.key, stamp=now_ms) for one in (OURS, THEIRS)),
        ]
        commits, refusals = judged(context.engine.hub, records, [logged(records[3])], context.clock)
        assert refusals == []
        for commit in commits:
            await context.store.commit(commit)
    return folder


async def called(folder: HubFolder, *argv: str) -> int:
    return await asyncio.to_thread(recover.recover, ["hub", *argv, "--folder", str(folder.path)])


async def standing(folder: HubFolder) -> set[bytes]:
    async with recovering._opened(folder, Config(clock="trusted"), folder.read_network().network) as context:
        authority = context.pen.catalog.authority
        return {one.public for one in (OURS, THEIRS) if authority.standing(one.public) is not None}


async def test_a_removal_that_this_folder_did_not_make_is_shown_and_falls_with_a_yes(
    folder: HubFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await called(folder) == REFUSED
    said = capsys.readouterr().err
    assert "These were not removed by this folder, a thief may have, and would belong again:" in said
    assert (THEIRS.public.hex() in said, OURS.public.hex() in said) == (True, False)
    assert await standing(folder) == set()
    assert await called(folder, "--yes") == OK
    out = capsys.readouterr().out
    assert "Whom it had removed stays removed; removals signed anew: 1." in out
    assert f"left out, removed before: {THEIRS.public.hex()}" in out
    assert words_used(said + out) == []
    assert await standing(folder) == {THEIRS.public}


@pytest.mark.parametrize(("argv", "back"), [(("--keep", THEIRS), set()), (("--drop", OURS), {THEIRS, OURS})])
async def test_keep_and_drop_name_removals_as_they_name_memberships(
    folder: HubFolder, argv: tuple[str, SigningKey], back: set[SigningKey]
) -> None:
    assert await called(folder, argv[0], argv[1].public.hex(), "--yes") == OK
    assert await standing(folder) == {one.public for one in back}

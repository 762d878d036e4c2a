"""`hartig network`: trustees change the rules with a file that they pass round."""

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hartig_node.board.belonging.people import State
from hartig_node.cli import exits
from hartig_node.cli.rules import Proposal
from hartig_node.glossary import words_used
from hartig_protocol.records.keys import recovery_hash
from node.board.belonging.belonging import ANA, BEN, CAM, invite, next_rules
from node.cli.conftest import Hartig
from node.cli.towns import Town, running_town


@pytest.fixture
async def town(folder: Path, hartig: Hartig) -> AsyncIterator[Town]:
    async with running_town(folder, hartig, seats=3) as town:
        yield town


async def test_the_rules_are_told_in_peoples_words(town: Town) -> None:
    out = (await town.ask("network")).out
    assert "Test  rules, version 1" in out
    assert "3; 2 must agree to change the rules" in out
    assert "by invite only" in out
    assert words_used(out) == []
    assert json.loads((await town.ask("network", "show", "--json")).out)["version"] == 1


async def test_two_of_three_replace_the_third_and_one_signs_by_recovery_key(town: Town) -> None:
    """The third trustee is gone; the second has lost the key, and signs with the recovery key."""
    founding, file = town.bench.founding, town.keys / "rules.json"
    for name, made in (("new.key", ANA), ("new-recovery.key", BEN)):
        town.file_of(made, name)
    seat = (await town.ask("network", "trustee", town.keys / "new.key")).out.strip()
    assert seat == f"{ANA.public.hex()}:{recovery_hash(BEN.public).hex()}"
    lost = town.keys / "seat-2-recovery.key"
    code, out, err = await town.ask(
        "network", "draft", file, "--remove-trustee", "3", "--add-trustee", seat, "--open", "--name", "Valley",
        "--languages", "es,ht", "--signers", f"1,{lost}",
    )  # fmt: skip
    assert code == exits.OK, err
    assert "still to sign: trustee 2, with the recovery key" in out
    assert "signed by 0 of 2" in out
    assert words_used(out + err) == []
    for name, left in (("seat-1.key", 1), ("seat-2-recovery.key", 0)):
        code, out, err = await town.ask("network", "sign", file, "--key", town.keys / name, "--yes")
        assert (code, f"signed by {2 - left} of 2" in out, "Valley: rules, version 2" in err) == (exits.OK, True, True)
        assert words_used(out + err) == []
        if left:
            assert len(json.loads(file.read_text())["missing"]) == 1
            code, _, err = await town.ask("network", "publish", file)
            assert (code, "1 trustee has not signed yet: trustee 2" in err) == (exits.USAGE, True)
    code, out, err = await town.ask("network", "publish", file)
    assert code == exits.OK, err
    rules = town.bench.board.rules.view()
    keys = [bytes.fromhex(one["key"]) for one in rules["trustees"]]
    assert keys == [founding.seats[0].key.public, founding.seats[1].key.public, ANA.public]
    assert (rules["name"], rules["defaults"]["open"], rules["defaults"]["languages"]) == ("Valley", True, ["es", "ht"])
    assert (rules["version"], rules["threshold"]) == (2, 2)
    code, _, err = await town.ask("network", "publish", file)
    assert (code, "were to replace others" in err) == (exits.USAGE, True)


async def test_what_a_leaving_trustee_gave_is_given_again_in_the_same_commit(town: Town) -> None:
    """The first trustee, who invited this hub and Cam, leaves."""
    file, own = town.keys / "rules.json", town.bench.key.public
    await invite(town.bench, None, CAM)
    card = town.bench.engine.hub.catalog.registers[own, "place", 0]
    await town.ask("network", "draft", file, "--remove-trustee", "1")
    for number in (2, 3):
        await town.ask("network", "sign", file, "--key", town.keys / f"seat-{number}.key", "--yes")
    code, _, err = await town.ask("network", "publish", file)
    assert (code, "would not belong any more: Test hub" in err, "say --yes" in err) == (exits.USAGE, True, True)
    code, _, err = await town.ask("network", "publish", file, "--key", town.keys / "seat-2.key")
    assert code == exits.OK, err
    people, second = town.bench.board.people, town.bench.founding.seats[1].key.public
    for one in (own, CAM.public):
        assert (people.get(one).state, people.get(one).invited_by) == (State.STANDING, second)
    assert town.bench.engine.hub.catalog.registers[own, "place", 0] == card  # it has never lost its proof
    assert town.bench.founding.grant.head.facts["recovery"] == people.census.given_by(second)[0].head.facts["recovery"]


async def test_copies_that_were_signed_apart_are_put_together(town: Town) -> None:
    one, other = town.keys / "one.json", town.keys / "other.json"
    await town.ask("network", "draft", one, "--threshold", "3")
    shutil.copy(one, other)
    await town.ask("network", "sign", one, "--key", town.keys / "seat-1.key", "--yes")
    await town.ask("network", "sign", other, "--key", town.keys / "seat-2.key", "--yes")
    assert (await town.ask("network", "publish", one, other)).code == exits.OK
    assert town.bench.board.rules.view()["threshold"] == 3
    third = town.keys / "third.json"
    await town.ask("network", "draft", third, "--name", "Else")
    code, _, err = await town.ask("network", "publish", third, other)
    assert (code, "different rules" in err) == (exits.USAGE, True)


async def test_a_draft_that_cannot_be_is_refused(town: Town) -> None:
    new = town.file_of(ANA, "new.key")
    for arguments, said in (
        (("--threshold", "4"), "such rules cannot be"),
        (("--languages", "???"), "such rules cannot be"),
        (("--remove-trustee", "7"), "none of the 3 trustees"),
        (("--add-trustee", str(new)), "no key at"),
        (("--add-trustee", "zz" * 32 + ":" + "zz" * 32), "no key at"),
        (("--signers", str(new)), "no trustee's"),
        (("--signers", "1"), "2 trustees must agree, and 1 would sign"),
    ):
        code, _, err = await town.ask("network", "draft", town.keys / "bad.json", *arguments)
        assert (code, said in err) == (exits.USAGE, True), err
        assert words_used(err) == []
    assert not (town.keys / "bad.json").exists()
    assert (await town.ask("network", "draft", new)).code == exits.USAGE


async def test_who_is_not_to_sign_cannot(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    file = town.keys / "rules.json"
    await town.ask("network", "draft", file, "--name", "Valley")
    code, _, err = await town.ask("network", "sign", file, "--key", town.keys / "seat-3.key", "--yes")
    assert (code, "not among those who are to sign" in err) == (exits.USAGE, True)
    assert (await town.ask("network", "sign", file)).code == exits.USAGE
    assert (await town.ask("network", "sign", "--key", town.keys / "seat-1.key")).code == exits.USAGE
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "no")
    assert "nothing was done" in (await town.ask("network", "sign", file, "--key", town.keys / "seat-1.key")).err
    assert Proposal.read(file).signatures == {}


async def test_what_was_changed_on_its_way_is_not_signed_nor_published(town: Town) -> None:
    file = town.keys / "rules.json"
    await town.ask("network", "draft", file, "--name", "Valley")
    await town.ask("network", "sign", file, "--key", town.keys / "seat-1.key", "--yes")
    held = json.loads(file.read_text())
    other = town.bench.founding.grant.head_bytes.hex()
    broken = {"head": held["head"][:-2], "signatures": {}}
    for changed, said in (
        ({"signatures": dict.fromkeys(held["signatures"], "00" * 64)}, "is not right"),
        (broken, "holds no rules"),
        ({"head": other, "signatures": {}}, "something else than rules"),
        ({"signatures": 7}, "holds no rules"),
    ):
        file.write_text(json.dumps({**held, **changed}))
        for action in ("sign", "publish"):
            code, _, err = await town.ask("network", action, file, "--key", town.keys / "seat-2.key", "--yes")
            assert (code, said in err) == (exits.USAGE, True), err
    code, _, err = await town.ask("network", "sign", town.keys / "none", "--key", town.keys / "seat-2.key")
    assert (code, "cannot be read" in err) == (exits.USAGE, True)


async def test_two_versions_are_warned_about(town: Town) -> None:
    founding = town.bench.founding
    signers = [seat.key for seat in founding.seats[:2]]
    for name in ("Valley", "Hill"):
        await town.bench.engine.publish([next_rules(town.bench, founding.charter, signers, name=name)])
    out = (await town.ask("network")).out
    assert "warning: there is another version 2 of these rules" in out
    assert "signed by 2 trustees" in out
    assert words_used(out) == []
    assert "two versions of the rules" in (await town.ask("status")).out

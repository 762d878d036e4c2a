import argparse
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hartig_node.board.drafts.drafts import DRAFT_FIELDS, FIXED_FIELDS
from hartig_node.cli import exits, local_checks
from hartig_node.cli.doctor import NOT_SO
from hartig_node.cli.importing.columns import FIELDS
from hartig_node.cli.posting import NEED
from hartig_node.client.places import Place
from node.cli.conftest import Hartig
from node.client.fake_node import NOW, FakeNode, post

ONE = "1f2e3d4c" + "0" * 24
EVERYTHING = [
    "need", "water.drinking", "Drinking water", "--text", "In bottles", "--language", "fr", "--title-in", "ht", "Dlo",
    "--text-in", "ht", "Nan boutèy", "--source", "phone", "--quantity", "40", "--people", "40", "--mode", "give",
    "--urgency", "high", "--rule", "fair", "--reach-km", "3", "--requires", "condition.sealed", "condition.new",
    "--avoids", "allergen.nuts", "--satisfies", "diet.vegan", "--contains", "allergen.milk", "--unknown",
    "allergen.fish", "--days", "3", "--window", "2026-11-24", "2026-11-25", "--date", "2026-11-24T18:00",
    "--best-before", "2026-11-26", "--unit", "LTR", "--smallest-part", "10", "--area", "u0yjj", "--audience", "hub",
    "--parent", ONE, "--contact", "Ask for Ana at the desk", "--closes", "2026-11-24",
]  # fmt: skip


def test_every_field_of_a_draft_can_be_said(hartig: Hartig, fake: FakeNode) -> None:
    assert hartig(*EVERYTHING).code == exits.OK
    sent = fake.requests[-1].value
    assert sent["title"] == {"fr": "Drinking water", "ht": "Dlo"}
    assert sent["text"] == {"fr": "In bottles", "ht": "Nan boutèy"}
    assert sent["window"] == {"from": "2026-11-24T00:00:00+00:00", "to": "2026-11-25T23:59:00+00:00"}
    assert sent["best_before"] == "2026-11-26T23:59:00+00:00"
    assert sent["requires"] == ["condition.sealed", "condition.new"]
    assert sent["days"] == 3
    # The language of plain text is said text by text; the rest is an alternative to days or dates, or for offers.
    assert set(DRAFT_FIELDS) - set(sent) == {"language", "expires_at", "level", "repeats"}
    hartig("offer", "food.bread", "Bread", "--level", "some", "--expires-at", "2026-11-24T18:00+01:00")
    assert fake.requests[-1].value["level"] == "some"
    assert fake.requests[-1].value["expires_at"] == "2026-11-24T18:00:00+01:00"


def test_the_import_can_fill_every_field_that_a_column_can_hold() -> None:
    parts = {"window_from", "window_to", "repeats_until", "repeats_except", "time_zone"}
    assert set(DRAFT_FIELDS) == set(FIELDS) - parts | {"window"}


def test_what_is_fixed_is_grouped_so_in_help() -> None:
    parser = argparse.ArgumentParser()
    NEED.add_options(parser)
    text = parser.format_help().partition("said once, never changed")[2]
    for name in set(FIXED_FIELDS) - {"kind", "category"}:
        assert f"--{name.replace('_', '-')}" in text


def test_a_draft_comes_from_a_file_and_options_go_before_it(hartig: Hartig, fake: FakeNode, tmp_path: Path) -> None:
    path = tmp_path / "draft.json"
    path.write_text('{"category": "food", "title": {"es": "Pan", "en": "x"}, "quantity": 3}', "utf-8-sig")
    assert hartig("offer", "--file", str(path), "--quantity", "5", "--title-in", "en", "Bread").code == exits.OK
    sent = fake.requests[-1].value
    assert sent == {"kind": "offer", "category": "food", "title": {"es": "Pan", "en": "Bread"}, "quantity": "5"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "no JSON object"),
        ("{", "is no JSON"),
        ("[" * 30_000, "is no JSON"),
        ('{"kind": "offer", "category": "food", "title": "x"}', "kind 'offer'"),
        (" " * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_file_that_is_no_draft_is_refused_here(
    hartig: Hartig, folder: Path, tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "draft.json"
    path.write_text(content)
    code, _, err = hartig("need", "--file", str(path))
    assert code == exits.USAGE
    assert reason in err


def test_a_post_is_listed_in_a_table_that_fits(hartig: Hartig, fake: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.posts = [
        post(ONE, {"zh": "四十人的饮用水" * 20}, urgency="high", quantity="40", unit="LTR"),
        post("2" * 32, {"ar": "ماء شرب لأربعين شخصا"}, kind="offer", author_name="A\x1b[31m hub", mine=False),
    ]
    code, out, _ = hartig("list")
    assert code == exits.OK
    head, first, second = out.splitlines()
    assert head.split()[0] == "id"
    assert first.startswith("1f2e3d4c  need")
    assert "40 litre" in first
    assert first.endswith("…")
    assert "\x1b" not in out
    assert second.endswith("\u2068ماء شرب لأربعين شخصا\u2069")
    assert "held by" not in head
    monkeypatch.setenv("COLUMNS", "120")
    assert "A[31m hub" in hartig("list").out
    assert [one["id"] for one in json.loads(hartig("list", "--json").out)] == [ONE, "2" * 32]


def test_filters_reach_the_node(hartig: Hartig, fake: FakeNode) -> None:
    hartig("list", "--kind", "need", "--category", "food", "--mine", "--ended", "--area", "u0", "--limit", "7")
    assert fake.requests[-1].query == {
        "kind": "need", "category": "food", "author": "me", "state": "all", "area": "u0", "limit": "8",
    }  # fmt: skip
    hartig("search", "clean", "water")
    assert fake.requests[-1].path == "/api/v1/search"
    assert fake.requests[-1].query["q"] == "clean water"


def test_a_list_says_that_there_is_more_and_all_shows_it(hartig: Hartig, fake: FakeNode) -> None:
    fake.posts = [post(f"{number:032x}", "water") for number in range(260)]
    code, out, err = hartig("list", "--limit", "3")
    assert (code, len(out.splitlines())) == (exits.OK, 4)
    assert "The newest 3 posts; there are more" in err
    assert len(hartig("list", "--all").out.splitlines()) == 261


def test_nothing_found_says_what_to_do(hartig: Hartig, fake: FakeNode) -> None:
    for arguments, hint in ((["list"], "hartig need"), (["search", "x"], "--ended"), (["list", "--mine"], "posted")):
        code, out, err = hartig(*arguments)
        assert (code, out) == (exits.OK, "")
        assert hint in err


def test_a_post_is_shown_whole(hartig: Hartig, fake: FakeNode) -> None:
    fake.posts = [
        post(
            ONE, {"en": "Water", "ht": "Dlo"}, text={"en": "First line\nsecond line"}, quantity="40", unit="LTR",
            people=40, requires=["diet.vegan"], window={"from": NOW, "to": NOW}, dates=[NOW], best_before=NOW,
            area="u0yjj", reach_km=3, source="phone", parent="2" * 32,
        )
    ]  # fmt: skip
    code, out, _ = hartig("show", "1f2e3d4c")
    assert code == exits.OK
    for part in ("Water", "Dlo", "second line", "40 litre", "Vegan", "everybody in this network", "this hub", "phone"):
        assert part in out, part
    assert json.loads(hartig("show", "1f2e3d4c", "--json").out)["id"] == ONE


def test_posts_are_changed_renewed_and_ended(hartig: Hartig, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "Water"), post("2" * 32, "Bread", mine=False)]
    assert hartig("revise", "1f2e3d4c", "--title", "Much water", "--clear", "quantity", "best-before").code == exits.OK
    assert fake.requests[-1].value == {"title": {"en-GB": "Much water"}, "quantity": None, "best_before": None}
    assert "until 31 Dec" in hartig("renew", "1f2e3d4c", "--days", "14").out
    code, out, err = hartig("withdraw", "1f2e3d4c", "2" * 32, "99999999")
    assert code == exits.PARTLY
    assert out == "1f2e3d4c has ended\n"
    assert "another hub posted this" in err
    assert "begins with 99999999" in err
    assert hartig("withdraw", "99999999").code == exits.NOT_FOUND


def test_status_says_how_it_is_and_what_to_do(hartig: Hartig, fake: FakeNode) -> None:
    code, out, _ = hartig("status")
    assert code == exits.OK
    assert "Riverside belongs to the network" in out
    assert "2 needs and offers; 3 entries in all" in out
    fake.status |= {"posts": 1, "records": 1}
    assert "1 need or offer; 1 entry in all" in hartig("status").out
    assert "All is well." in out
    fake.status["problems"] = [{"code": "alone", "severity": "note", "what": "none can be reached", "hint": "look"}]
    out = hartig("status").out
    assert "note: none can be reached\n  do: look" in out
    assert "All is well." not in out


def test_peers_say_why_they_cannot_be_reached(hartig: Hartig, fake: FakeNode) -> None:
    assert "hartig invite" in hartig("peers").err
    fake.peers = [
        {"node": "1" * 64, "hub": "2" * 64, "name": "Kitchen", "state": "open", "found_by": "mdns",
         "address": "192.0.2.7:4279", "opened_by_us": True},
        {"node": "3" * 64, "hub": None, "name": None, "state": "closed", "reason": "no answer in 5 s"},
    ]  # fmt: skip
    out = hartig("peers").out
    assert "Kitchen  connected\n  at 192.0.2.7:4279, we called it, found on the local network" in out
    assert "hub 33333333  not connected\n  why: no answer in 5 s" in out


def test_status_says_how_far_fetching_has_come_and_that_all_is_there(hartig: Hartig, fake: FakeNode) -> None:
    assert "all there" not in hartig("status").out
    fake.status["fetching"] = {"hub": "2" * 64, "hub_name": "Kitchen", "held": 3200, "total": 10_000}
    assert "  all there  not yet: fetching what the others have, 3,200 of 10,000" in hartig("status").out
    fake.status |= {"fetching": None, "complete_at": NOW}
    assert "  all there  since 22 Nov 12:00" in hartig("status").out
    fake.status["peers_open"] = 0
    assert "  all there  on 22 Nov 12:00; no other hub is connected now" in hartig("status").out


def test_status_says_whose_posts_come_too_fast(hartig: Hartig, fake: FakeNode) -> None:
    assert "coming in" not in hartig("status").out
    waits = {"hub": "2" * 64, "name": "Kitchen", "waiting": 900}
    fake.status["intake"] = {"waiting": 900, "by": [waits]}
    assert "  coming in  posts by hubs that Kitchen invited come faster than this hub" in hartig("status").out
    waits["hub"] = None
    assert "  coming in  posts by hubs that nobody here knows come faster" in hartig("status").out


def test_peers_say_which_of_them_is_fetched_from(hartig: Hartig, fake: FakeNode) -> None:
    fake.peers = [{"node": "1" * 64, "hub": "2" * 64, "name": "Kitchen", "state": "open", "fetching": True}]
    fake.status["fetching"] = {"hub": "2" * 64, "hub_name": "Kitchen", "held": 3200, "total": 10_000}
    assert "  fetching what it has: 3,200 of 10,000" in hartig("peers").out
    fake.status["fetching"] = None
    assert "  fetching what it has: the last of it" in hartig("peers").out


def test_tokens_are_shown_once_with_how_to_use_them(hartig: Hartig, fake: FakeNode) -> None:
    code, out, err = hartig("token", "add", "sign", "--scope", "read", "--scope", "write", "--days", "30")
    assert (code, out) == (exits.OK, "hartig_secret\n")
    assert "http://127.0.0.1:4278/api/v1/posts" in err
    assert fake.requests[0].value == {"name": "sign", "scopes": ["read", "write"], "days": 30.0}
    assert "until it is revoked" not in err
    assert "sign" in hartig("token", "list").out
    assert hartig("token", "revoke", "0b").code == exits.OK
    assert hartig("token", "revoke", "gone").code == exits.NOT_FOUND


def test_an_invite_says_what_to_do_on_the_other_machine(hartig: Hartig, fake: FakeNode) -> None:
    code, out, err = hartig("invite", "--label", "Kitchen", "--address", "192.0.2.7:4279", "--uses", "2")
    assert (code, out) == (exits.OK, "hartig:LINK\n")
    assert "hartig join 'hartig:LINK'" in err
    assert "until Sun 22 Nov 2026 12:00" in err
    assert fake.requests[0].value == {"uses": 2, "addresses": ["192.0.2.7:4279"], "label": "Kitchen"}
    assert "Kitchen" in hartig("invite", "--list").out
    assert hartig("invite", "--revoke", "0a").code == exits.OK


def test_posts_are_exported_line_by_line_or_to_a_new_file(hartig: Hartig, fake: FakeNode, tmp_path: Path) -> None:
    fake.posts = [post(ONE, "a\u2028b"), post("2" * 32, "old", state="ended")]
    out = hartig("export").out
    assert [json.loads(line)["id"] for line in out.splitlines()] == [ONE]
    assert len(json.loads(hartig("export", "--all", "--json").out)) == 2
    path = tmp_path / "posts.jsonl"
    assert hartig("export", str(path), "--all").code == exits.OK
    assert len(path.read_text("utf-8").splitlines()) == 2
    assert hartig("export", str(path)).code == exits.USAGE
    assert hartig("export", str(tmp_path / "none" / "x")).code == exits.USAGE
    assert [one.name for one in tmp_path.iterdir() if "part" in one.name] == []


def test_a_backup_is_asked_for_with_a_whole_path(
    hartig: Hartig, fake: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = hartig("backup", "hub.backup")
    assert (code, out) == (exits.OK, f"Written to {tmp_path}/hub.backup.\n")
    assert "hartig verify" in err
    assert fake.requests[0].value == {"path": f"{tmp_path}/hub.backup"}
    assert hartig("--url", "http://127.0.0.1:9", "backup", "x").code == exits.USAGE


def test_events_are_written_as_they_come(hartig: Hartig, fake: FakeNode) -> None:
    fake.posts = [post(ONE, "Water")]
    data = json.dumps({"at": NOW, "kind": "need", "post": ONE})
    stream = f"id: 4\nevent: post.added\ndata: {data}\n\n".encode()
    for arguments in ([], ["--json"]):
        fake.plan(200, stream, {"Content-Type": "text/event-stream"})
        out = hartig("watch", "--count", "1", *arguments).out
        assert ONE[:8] in out
    assert json.loads(out)["event"] == "post.added"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("agreement.asked", "another network asks to be our partner"),
        ("agreement.short", "a hub of a partner network gives less"),
        ("partner.agreement.ended", "a partner network ended its side"),
        ("partner.removal.added", "a partner network has removed somebody"),
    ],
)
def test_what_happens_with_partner_networks_has_words(hartig: Hartig, fake: FakeNode, name: str, words: str) -> None:
    stream = f"id: 4\nevent: {name}\ndata: {json.dumps({'at': NOW, 'record': '1' * 64})}\n\n".encode()
    fake.plan(200, stream, {"Content-Type": "text/event-stream"})
    assert words in hartig("watch", "--count", "1").out


# --- doctor


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A machine on which nothing is wrong."""
    monkeypatch.setattr(local_checks, "check_disk", lambda _place: [])
    monkeypatch.setattr(local_checks, "check_interfaces", list)
    monkeypatch.setattr(local_checks, "check_clock", list)
    (folder / "network.json").write_text("{}")


@pytest.mark.usefixtures("well")
def test_the_doctor_finds_nothing_where_all_is_well(hartig: Hartig, fake: FakeNode) -> None:
    code, out, _ = hartig("doctor")
    assert code == exits.OK
    assert out.endswith("All is well.\n")


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize(
    ("severity", "expected"), [("note", exits.OK), ("warning", exits.PARTLY), ("error", exits.UNWELL)]
)
def test_the_doctors_exit_code_says_how_bad_it_is(hartig: Hartig, fake: FakeNode, severity: str, expected: int) -> None:
    fake.status["problems"] = [{"code": "x", "severity": severity, "what": "something", "hint": "mend it"}]
    code, out, _ = hartig("doctor")
    assert code == expected
    assert f"{severity}: something\n  do: mend it" in out
    assert json.loads(hartig("doctor", "--json").out)["problems"][0]["code"] == "x"


@pytest.mark.usefixtures("well")
def test_the_doctor_says_why_a_hub_cannot_be_reached(hartig: Hartig, fake: FakeNode) -> None:
    fake.peers = [{"node": "3" * 64, "hub": None, "name": "Kitchen", "state": "closed", "reason": "no answer"}]
    assert "note: Kitchen: no answer" in hartig("doctor").out


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize("code", ["removed", "membership_over"])
def test_a_removed_hub_is_not_sent_to_other_hubs(hartig: Hartig, fake: FakeNode, code: str) -> None:
    fake.peers = [{"node": "3" * 64, "hub": None, "name": "Kitchen", "state": "closed", "reason": "revoked"}]
    fake.status["problems"] = [{"code": code, "severity": "error", "what": "not any more", "hint": "ask"}]
    assert "Kitchen" not in hartig("doctor").out


@pytest.mark.usefixtures("well")
@pytest.mark.parametrize("said_by", ["the hub", "the machine"])
def test_without_a_network_the_doctor_sends_nobody_to_other_hubs(
    hartig: Hartig, fake: FakeNode, monkeypatch: pytest.MonkeyPatch, said_by: str
) -> None:
    fake.peers = [{"node": "3" * 64, "hub": None, "name": "Kitchen", "state": "closed", "reason": "no answer"}]
    fake.status["problems"] = [{"code": "alone", "severity": "note", "what": "none can be reached", "hint": "look"}]
    if said_by == "the hub":
        nothing = {"code": "no_interface", "severity": "note", "what": "this machine has no network", "hint": "plug in"}
        fake.status["problems"].append(nothing)
    else:
        nothing = local_checks.Finding("no_interface", "warning", "this machine has no network", "plug in")
        monkeypatch.setattr(local_checks, "check_interfaces", lambda: [nothing])
    out = hartig("doctor").out
    assert "this machine has no network\n  do: plug in" in out
    assert "Kitchen" not in out
    assert "none can be reached" not in out


@pytest.mark.usefixtures("well")
def test_the_doctor_works_without_a_node(hartig: Hartig, folder: Path) -> None:
    code, out, _ = hartig("doctor")
    assert code == exits.UNREACHABLE
    assert "the hub is not running\n  do: start it with `hartig run`" in out
    assert "look  the hub does not answer" in out
    assert "good  the hub's folder is there and private" in out


@pytest.mark.parametrize("check", NOT_SO)
def test_a_check_that_fails_never_says_how_it_should_be(check: str) -> None:
    assert not set(NOT_SO.values()) & set(NOT_SO)
    assert {"not", "nearly", "shut", "no", "nobody"} & set(NOT_SO[check].replace(",", "").split())


def test_the_doctor_asks_only_the_node_where_an_address_is_given(hartig: Hartig) -> None:
    with FakeNode() as fake:
        assert hartig("--url", fake.url, "doctor").code == exits.OK
    assert hartig("--url", fake.url, "doctor").code == exits.UNREACHABLE


def codes(findings: list[local_checks.Finding]) -> list[str]:
    assert all(finding.what and finding.hint for finding in findings)
    return [finding.code for finding in findings]


def test_the_folder_is_checked(folder: Path) -> None:
    place = Place(str(folder))
    assert codes(local_checks.check_folder(Place("/nowhere/at/all"))) == ["no_folder"]
    assert codes(local_checks.check_folder(place)) == ["no_hub"]
    (folder / "network.json").write_text("{}")
    assert codes(local_checks.check_folder(place)) == []
    folder.chmod(folder.stat().st_mode | stat.S_IROTH)
    assert codes(local_checks.check_folder(place)) == ["folder_open"]
    assert codes(local_checks.check_folder(Place(str(folder / "network.json")))) == ["folder"]


def test_a_socket_without_an_answer_is_told_from_no_socket(folder: Path) -> None:
    place = Place(str(folder))
    assert codes(local_checks.check_socket(place)) == ["not_running"]
    (folder / "run" / "api.sock").touch()
    assert codes(local_checks.check_socket(place)) == ["no_answer"]
    assert codes(local_checks.check_socket(Place("/nowhere"))) == []


@pytest.mark.parametrize(("free_bytes", "expected"), [(10**12, []), (100 * 2**20, ["warning"]), (2**20, ["error"])])
def test_free_space_is_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free_bytes: int, expected: list[str]
) -> None:
    def disk_usage(_path: Any) -> Any:
        return argparse.Namespace(free=free_bytes)

    monkeypatch.setattr(local_checks.shutil, "disk_usage", disk_usage)
    assert [finding.severity for finding in local_checks.check_disk(Place(str(folder)))] == expected


def test_interfaces_are_checked(tmp_path: Path) -> None:
    (tmp_path / "lo").mkdir()
    assert codes(local_checks.check_interfaces(tmp_path)) == ["no_interface"]
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0" / "operstate").write_text("down\n")
    assert codes(local_checks.check_interfaces(tmp_path)) == ["no_interface"]
    (tmp_path / "eth0" / "operstate").write_text("up\n")
    assert codes(local_checks.check_interfaces(tmp_path)) == []

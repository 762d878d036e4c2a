"""P5, where people meet it: answers of the API say it, pages and command line ask first, and nothing is refused."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from node.cli.conftest import Hartig
from node.cli.towns import Town, running_town
from node.site.desk.pages.desks import DeskBrowser, People
from node.site.fakes import BoardInMemory, Browser
from node.site.reading import read
from support.boards import running_board

DRAFT: dict[str, Any] = {"kind": "need", "category": "household.bedding", "title": "Blanket"}
PHONE = {"code": "phone", "pointer": "/text", "found": "612 345 678"}
FORM = {"title": "Blanket", "category": "household.bedding", "language": "en"}


async def test_p05_the_answer_to_a_draft_says_it_and_nobody_else_reads_it() -> None:
    async with running_board() as bench:
        posts = bench.board.posts
        view = await posts.publish({**DRAFT, "text": "Call 612 345 678"})
        assert view.as_json()["warnings"] == [PHONE]
        assert "warnings" not in (await posts.get(view.id)).as_json()
        revised = await posts.revise(view.id, {"text": "12 Baker Street"})
        assert [one.code for one in revised.warnings] == ["street"]
        assert "warnings" not in (await posts.revise(view.id, {"text": None})).as_json()


@pytest.mark.parametrize("dry_run", [True, False])
async def test_p05_of_many_drafts_each_says_its_own(dry_run: bool) -> None:
    async with running_board() as bench:
        drafts = [DRAFT, {**DRAFT, "text": "Call 612 345 678"}, {"kind": "need", "title": "Call 612 345 678"}]
        good, warned, bad = await bench.board.posts.publish_many(drafts, dry_run=dry_run)
        assert getattr(bad, "code", "") == "bad_draft"
        found = (good, warned) if dry_run else tuple(one.warnings for one in (good, warned))  # type: ignore[union-attr]
        assert [[one.as_json() for one in some or ()] for some in found] == [[], [PHONE]]  # type: ignore[union-attr]


@pytest.fixture
async def town(folder: Path, hartig: Hartig) -> AsyncIterator[Town]:
    async with running_town(folder, hartig) as running:
        yield running


NEED = ("need", "household.bedding", "Blanket", "--text", "Call 612 345 678")


async def test_p05_where_nobody_sits_it_is_posted_and_said(town: Town) -> None:
    said = await town.ask(*NEED)
    assert said.code == 0
    assert "“612 345 678” looks like a phone number" in said.err
    assert "--contact" in said.err
    assert '"warnings"' in (await town.ask(*NEED, "--json")).out


@pytest.mark.parametrize(("answer", "code", "posts"), [("yes", 0, 1), ("no", 2, 0), ("", 2, 0)])
async def test_p05_where_somebody_sits_they_are_asked_first(
    town: Town, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, posts: int
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    said = await town.ask(*NEED)
    assert (said.code, said.err.count("looks like")) == (code, 1)
    assert (await town.bench.store.status()).posts == posts


async def test_p05_who_says_yes_or_nothing_of_people_is_not_asked(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert (await town.ask(*NEED, "--yes")).code == 0
    post = (await town.ask("need", "household.bedding", "Blanket")).out.split()[0]
    monkeypatch.setattr("builtins.input", lambda _question: "no")
    said = await town.ask("revise", post, "--text", "Ask for Maria")
    assert (said.code, "somebody's name" in said.err) == (2, True)


async def test_p05_an_import_names_the_lines(town: Town, tmp_path: Path) -> None:
    lines = ["kind,category,title", "need,household.bedding,Blanket", "need,household.bedding,Call 612 345 678"]
    (tmp_path / "many.csv").write_text("\n".join(lines), "utf-8")
    said = await town.ask("import", tmp_path / "many.csv")
    assert said.code == 0
    assert "line 3: Look at the title once more" in said.err
    assert "2 lines posted" in said.out
    assert "1 line may tell who people are" in said.out


@pytest.mark.parametrize("kind", ["need", "offer"])
async def test_p05_a_form_comes_back_once_and_then_goes_up(
    browser: Browser,
    board: BoardInMemory,
    kind: str,
) -> None:
    typed = {**FORM, "text": "Call 612 345 678"}
    page = read((await browser.post(f"/{kind}", typed)).text)
    assert "This looks like a phone number: 612 345 678" in " ".join(page.text.split())
    assert board.posts.drafts == []
    mark = next(one["value"] for one in page.all("input") if one.get("name") == "anyway")
    other = await browser.post(f"/{kind}", {**typed, "text": "Call 699 345 678", "anyway": mark})
    assert "699 345 678" in read(other.text).text
    assert board.posts.drafts == []
    assert (await browser.post(f"/{kind}", {**typed, "anyway": mark})).status == 201
    assert [draft["text"] for draft in board.posts.drafts] == [{"en": "Call 612 345 678"}]


async def test_p05_how_to_reach_people_is_no_matter_in_its_own_field(browser: Browser) -> None:
    assert (await browser.post("/need", {**FORM, "contact": "Ana, 612 345 678"})).status == 201


async def test_p05_at_the_desk_it_is_the_same(desk: DeskBrowser, people: People) -> None:
    typed = {**FORM, "title": "Ask for Maria", "ticket": "a ticket of more than twenty characters"}
    answer = await desk.post("/need", typed)
    page = read(answer.text)
    assert "This looks like the name of a person: Ask for Maria" in " ".join(page.text.split())
    assert (await people.ours.store.status()).posts == 0
    mark = next(one["value"] for one in page.all("input") if one.get("name") == "anyway")
    assert (await desk.post("/need", {**typed, "anyway": mark})).status == 303
    assert (await people.ours.store.status()).posts == 1

"""What others wrote stays text, whatever it is."""

from dataclasses import replace
from html import escape

import pytest

from node.site.fakes import BoardInMemory, Browser
from node.site.reading import read

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE posts; --",
    "</title></textarea></option><h1>big</h1>",
    "{{ 7 * 7 }} {% raw %} %(words)s %s",
    "&lt;b&gt; &amp; &#x202e;",
    "𝕳𝖆𝖗𝖙𝖎𝖌 👩‍👩‍👧‍👦 مرحبا שלום",
    "A" * 480,
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_a_hostile_post_is_text_on_every_page(browser: Browser, board: BoardInMemory, text: str) -> None:
    view = board.posts.add({"kind": "offer", "category": "food.x-b-i-b", "title": "x", "days": 1}, text)
    board.posts.held[0] = replace(
        view, title={"en": text, "zz-Hant": text}, text={"en": text * 16}, source=text, unit="X<>", quantity="1",
        category=f"food.{text}", attributes={"requires": [text]},
    )  # fmt: skip
    for path in ("/", "/?show=offers", f"/post/{view.id}"):
        page = read((await browser.get(path)).text)
        assert " ".join(text.split()) in " ".join(page.text.split()), path
        assert "49" not in page.text


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_input_comes_back_as_it_was_typed(browser: Browser, text: str) -> None:
    typed = {"title": text * 10, "text": text, "category": text, "language": text, "ticket": text, "quantity": text}
    page = read((await browser.post("/need", typed)).text)
    assert page.one("title")["value"] == text * 10
    assert page.value("ticket") == text
    searched = await browser.get(f"/?{'&'.join(f'{n}={quoted(text)}' for n in ('q', 'category', 'show', 'lang', 'x'))}")
    assert searched.status == 200
    assert read(searched.text).one("q")["value"] == " ".join(text.split())[:200]


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


async def test_overrides_and_control_characters_are_gone_before_anything_is_written(
    browser: Browser, board: BoardInMemory
) -> None:
    nasty = "ja\u202em\x00 \x1b[31mred\u2066\r\nnext"
    await browser.post("/offer", {"title": nasty, "text": nasty, "category": "food.dry", "language": "en"})
    assert board.posts.drafts[0]["title"] == {"en": "jam [31mred next"}
    assert board.posts.drafts[0]["text"] == {"en": "jam [31mred\nnext"}
    answer = await browser.get(f"/?q={quoted(nasty)}")
    assert not {"\u202e", "\u2066", "\x00", "\x1b"} & set(answer.text)


async def test_8_kib_of_text_fit_in_the_form_in_the_widest_script(browser: Browser, board: BoardInMemory) -> None:
    text = "水" * (8 * 1024 // 3)
    answer = await browser.post("/need", {"title": "水" * 120, "text": text, "category": "water", "language": "zh"})
    assert answer.status == 201
    page = read((await browser.get(f"/post/{board.posts.held[0].id}")).text)
    assert text in page.text


async def test_a_hub_with_a_hostile_name_stays_a_name(browser: Browser, board: BoardInMemory) -> None:
    board.config.name = "<b>Mill & Co</b>"
    answer = await browser.get("/")
    assert escape("<b>Mill & Co</b>") in answer.text
    read(answer.text)
    board.config.name = ""
    assert "Our hub" in (await browser.get("/")).text


async def test_every_text_says_its_language_and_finds_its_own_direction(browser: Browser, board: BoardInMemory) -> None:
    board.posts.add({"kind": "need", "category": "food", "title": {"ar": "خبز"}, "text": {"ar": "اليوم"}})
    page = read((await browser.get(f"/post/{1:032x}")).text)
    assert {"lang": "ar", "dir": "auto"} in page.all("span")
    assert {"class": "text", "lang": "ar", "dir": "auto"} in page.all("p")

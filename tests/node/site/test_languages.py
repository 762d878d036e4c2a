"""Which language is shown, and that every sentence exists in each."""

import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo

from hartig_node.glossary import words_used
from hartig_node.site.languages import LANGUAGES, SOURCE_LANGUAGE, choose, direction, translations, update
from node.site.fakes import BoardInMemory, Browser
from node.site.reading import read

TRANSLATED = [language for language in LANGUAGES if language != SOURCE_LANGUAGE]
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def sentences(catalog: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {as_tuple(message.id): as_tuple(message.string) for message in catalog if message.id}


def as_tuple(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_of_the_code_is_translated_and_no_other(language: str) -> None:
    held = sentences(update.held(language))
    wanted = sentences(update.template())
    hint = "run python -m hartig_node.site.languages.update, then fill in what is empty"
    assert set(held) == set(wanted), hint
    assert [message for message, text in held.items() if not all(as_tuple(text))] == [], hint


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_was_written(language: str) -> None:
    with update.path(language, "mo").open("rb") as compiled:
        assert sentences(read_mo(compiled)) == sentences(update.held(language))


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_keeps_every_placeholder_and_uses_no_inner_word(language: str) -> None:
    for message, text in sentences(update.held(language)).items():
        for one in as_tuple(text):
            assert set(_PLACEHOLDER.findall(one)) == set(_PLACEHOLDER.findall(as_tuple(message)[-1])), message
            assert "%" not in _PLACEHOLDER.sub("", one), message
            assert words_used(one) == []


def test_plurals_are_told_in_both_languages() -> None:
    for language, one, many in (("en", "1 more day", "3 more days"), ("es", "1 día más", "3 días más")):
        for days, told in ((1, one), (3, many)):
            text = translations(language).ngettext("%(days)d more day", "%(days)d more days", days)
            assert text % {"days": days} == told


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "default", "shown"),
    [
        (None, None, "", "es", "es"),
        (None, None, "", "ht", "en"),
        (None, None, "es-MX,es;q=0.9,en;q=0.8", "en", "es"),
        (None, None, "en;q=0.2, es;q=0.7", "en", "es"),
        (None, None, "de, es;q=0, en;q=0.1", "es", "en"),
        (None, None, "ht", "es", "es"),
        (None, "en", "es", "es", "en"),
        ("es", "en", "en", "en", "es"),
        ("xx", "<b>", "q=;;;,,,;q=nan, es;q=9, *;q=0.1", "es", "es"),
        (None, None, ",".join(["xx"] * 5000 + ["es"]), "en", "en"),
    ],
)
def test_the_language_that_a_neighbour_reads(
    asked: str | None, kept: str | None, accepted: str, default: str, shown: str
) -> None:
    assert choose(asked, kept, accepted, default) == shown


def test_directions() -> None:
    assert [direction(tag) for tag in ("ar", "fa-IR", "he", "en", "zh-Hant")] == ["rtl", "rtl", "rtl", "ltr", "ltr"]


async def test_a_chosen_language_is_kept_on_this_phone(browser: Browser, board: BoardInMemory) -> None:
    board.fill()
    page = read((await browser.get("/?q=sopa&show=needs")).text)
    assert "/?q=sopa&show=needs&lang=es" in page.links()
    chosen = await browser.get("/?lang=es")
    assert chosen.headers["Set-Cookie"].startswith("lang=es; HttpOnly; Max-Age=31536000; Path=/; SameSite=Lax")
    browser.client.session.cookie_jar.clear()
    kept = await browser.get("/need", Cookie="lang=es")
    assert "¿Qué necesita?" in kept.text
    assert "Set-Cookie" not in kept.headers
    assert kept.headers["Vary"].startswith("Accept-Language, Cookie")


async def test_categories_speak_the_language_too(browser: Browser) -> None:
    text = read((await browser.get("/offer", **{"Accept-Language": "es"})).text).text
    for part in (
        "Comida (de cualquier tipo)",
        "Ayuda legal (de cualquier tipo) — se queda aquí",
        "kilogramo",
        "Otra cosa",
    ):
        assert part in text

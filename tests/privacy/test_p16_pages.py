"""P16: pages, and the command line, say that what was shared openly can be copied."""

from html import unescape

import pytest

from hartig_node.cli.posting import NEED, OFFER
from hartig_node.site.languages import LANGUAGES, translations
from node.site.fakes import Browser
from node.site.reading import read

ON_EVERY_PAGE = "No account, no advertising, no tracking. What is shared openly can be copied by anybody who sees it."
BESIDE_THE_TEXT = (
    "What you share openly can be copied. Leave out phone numbers, streets and names: people will ask at this hub."
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", ["/", "/need", "/offer", "/mine"])
async def test_p16_every_page_says_it_in_every_language(browser: Browser, path: str, language: str) -> None:
    text = " ".join(unescape(read((await browser.get(f"{path}?lang={language}")).text).text).split())
    sentences = [ON_EVERY_PAGE, *([BESIDE_THE_TEXT] if path in {"/need", "/offer"} else [])]
    for sentence in sentences:
        said = translations(language).gettext(sentence)
        assert said in text
        assert language == "en" or said != sentence


def test_p16_who_posts_from_the_command_line_reads_it() -> None:
    for recipe in (NEED, OFFER):
        assert "can be copied" in repr(recipe)

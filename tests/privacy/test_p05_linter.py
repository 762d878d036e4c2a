"""P5: a linter warns on phones, mail addresses, streets and names in free text, before anything is signed."""

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from hartig_node.board.privacy import linting, vocabulary
from hartig_node.board.privacy.linting import MAIL, NAME, PHONE, STREET, look_at, look_through
from hartig_node.site.languages import LANGUAGES

MESSAGES = Path(__file__).parents[3] / "shared" / "data" / "messages.csv"

FOUND = {
    PHONE: (
        "Call 555-0100 in the evening", "tel. 555 0100 12", "+34 612 345 678", "0034612345678", "612 345 678",
        "06 12 34 56 78", "06.12.34.56.78", "(555) 123-4567", "03001234567", "3712 3456", "37123456",
        "llama al 612345", "my whatsapp is 3712345", "0 6 1 2 3 4 5 6 7 8", "٠٣٠٠١٢٣٤٥٦٧",
        "۰۳۰۰۱۲۳۴۵۶۷", "०३००१२३४५६७", "０６１２３４５６７８",
        "6\u200b12\u200b345\u200b678", "612–345–678", "six one two three four five six seven eight",
        "seis uno dos tres cuatro cinco seis siete ocho", "Mantas, 612 345 678, por la tarde",
    ),
    MAIL: (
        "write to ana@example.org", "ana.b+hub@mail.example.co", "ana (at) example (dot) org", "ana [at] example.org",
        "ana at example dot org", "ana arroba ejemplo punto com", "ana＠example．org",
        "ana @ example . org", "ana at gmail", "ana@\u200bexample.org",
    ),
    STREET: (
        "Come to 12 Baker Street", "we are at 221B Baker St", "15 Old Mill Lane, back door", "55 benoit street",
        "house at 40 Market Rd.", "23 5th Avenue", "Baker Street 12", "Market Street No. 12", "calle Mayor 12",
        "C/ Mayor, nº 12", "Avenida de la Constitución 5, 2º", "Plaza Mayor 3", "18.539269, -72.336406",
    ),
    NAME: (
        "my name is john", "Ask for Maria at the door", "Contact: Jean at the church", "Dr. Pierre will come",
        "Me llamo Ana", "pregunta por María", "Sra. García lo tiene", "soy Ana y tengo mantas",
    ),
}  # fmt: skip

# What real lists of needs are full of: amounts, sizes, dates, hours, batches, machines, and words with other meanings.
LEFT_ALONE = (
    "12 000 000 litres", "1.500.000 l", "1 500 blankets and 1 000 tents", "10 000 000 de pesos", "$ 1234567",
    "Blankets in sizes 36 38 40 42 44", "sizes 36-38-40-42", "width 1200 x 800 x 600", "12 24 36 48 60",
    "2026-11-24 18:00 to 20:00", "from 24.11.2026 to 26.11.2026", "24/11/26 - 26/11/26", "2025-2026", "20261124",
    "24112026", "10:00-12:30, 14:00-18:00", "from 18h30 to 20h00", "every 2 weeks, 8 am - 12 am",
    "batch 20261124", "lot 12345678", "lote 123456789", "ISBN 978-3-16-148410-0", "EAN 4006381333931",
    "serial 123456789", "500 - 1000 pieces", "1000-1500", "100 2000", "25 kg bags, 2 x 1.5 l", "220 V 50 Hz",
    "M8 x 1.25 x 30",
    "5 minutes drive", "2 way radio", "8 court shoes", "3 place settings", "40 km of road", "3 Drive belts",
    "20 families sleeping on the street", "12 people near the road", "we live on the main street",
    "camino de 2 horas", "plaza para 20 personas", "calle cortada desde hace 3 dias", "avril 2010", "avec 2 enfants",
    "ask for help at the desk", "contact the hub", "Ask For More Water Here Please", "ASK FOR WATER", "soy celíaca",
    "contacto en el hub", "meet at noon. Bring food", "at the church dot", "don't call", "tea for two, one two three",
    "St. Mary hospital", "call 112", "import 0123456789012345", "",
)  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in FOUND.items() for text in texts])
def test_p05_what_tells_of_people_is_found(code: str, text: str) -> None:
    assert [one.code for one in look_at(text)] == [code]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_p05_what_lists_of_needs_are_full_of_is_left_alone(text: str) -> None:
    assert list(look_at(text)) == []


@pytest.mark.shared
@pytest.mark.skipif(
    not MESSAGES.exists() and os.environ.get("CI") != "true", reason="the message collection is not beside the checkout"
)
def test_p05_real_messages_warn_rarely() -> None:
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        texts = [row["message"] for row in csv.DictReader(file)]
    warned = sum(1 for text in texts[:2000] if any(look_at(text)))
    assert 0 < warned <= 2000 * 0.01  # 0.3 %, nearly all of them rightly


def test_p05_every_language_of_the_pages_has_its_words() -> None:
    assert set(LANGUAGES) <= set(vocabulary.languages())
    assert vocabulary.digit_words()["tres"] == vocabulary.digit_words()["three"] == "3"


def test_p05_all_free_text_of_a_draft_is_looked_at_and_only_that() -> None:
    draft: dict[str, Any] = {
        "title": {"en": "Call 555-0100", "a/b": "Me llamo Ana"}, "text": "ana@example.org", "source": "12 Baker Street",
        "contact": "Ana, 612 345 678", "category": "612345678", "quantity": 612345678,
    }  # fmt: skip
    found = {(one.code, one.pointer, one.piece) for one in look_through(draft)}
    assert found == {
        (PHONE, "/title/en", "555-0100"),
        (NAME, "/title/a~1b", "Me llamo Ana"),
        (MAIL, "/text", "ana@example.org"),
        (STREET, "/source", "12 Baker Street"),
    }


@pytest.mark.parametrize("draft", [None, 1, "612 345 678", [], {}, {"title": 1, "text": {"en": None}, "source": []}])
def test_p05_what_is_no_draft_is_for_others_to_refuse(draft: object) -> None:
    assert look_through(draft) == ()


def test_p05_much_is_said_in_a_few_lines() -> None:
    text = " ".join(f"6{number:02} 345 678," for number in range(40)) + " x@" + "e" * 60 + "." + "f" * 60 + ".org"
    found = look_through({"title": text, "text": text})
    assert len(found) == linting.FOUND_MAX
    assert all(len(one.piece) <= linting.PIECE_CHARACTERS_MAX for one in found)


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "a ", "calle a, ", "one ", "a at ", "a@", "a.", "A Street ",
     "my name is ", "(1", "call 1", "ﷺ", "\u200d", "2026-"],
)  # fmt: skip
def test_p05_no_text_makes_it_slow(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    for found in look_at(text + " my name is" + " " * 20_000):
        assert found.code in linting.CODES

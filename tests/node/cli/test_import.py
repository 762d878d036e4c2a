import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hartig_node.cli import exits
from hartig_node.cli.importing import reading
from hartig_node.cli.importing.columns import Target, fold, map_columns, suggest
from hartig_node.cli.importing.done import KEYS_KEPT_MAX, Done, Keys, keys_of, state_folder, with_key
from hartig_node.cli.importing.drafts import TITLE_BYTES_MAX, BadRowError, Reading, cut_at_word, read_row
from hartig_node.cli.importing.reading import BadLine, Row, read_table
from hartig_node.cli.parsing import UsageError
from node.cli.conftest import Hartig, Result
from node.client.fake_node import FakeNode, problem

MESSAGES = Path(__file__).parents[4] / "shared" / "data" / "messages.csv"
SAME = ("--set", "kind=need", "--set", "category=help")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "messages.csv"


# --- Reading


@pytest.mark.parametrize(
    ("content", "encoding", "guessed"),
    [
        ("título\nagua".encode(), "utf-8", False),
        ("título\nagua".encode("utf-8-sig"), "utf-8-sig", False),
        ("título\nagua".encode("utf-16"), "utf-16", False),
        ("título\nagua".encode("latin-1"), "cp1252", True),
        ("título\nagua\x81".encode("latin-1"), "latin-1", True),
    ],
)
def test_the_encoding_is_found_out(file: Path, content: bytes, encoding: str, guessed: bool) -> None:
    file.write_bytes(content)
    table = read_table(file)
    assert table.header == ["título"]
    assert (table.encoding, table.guessed_encoding) == (encoding, guessed)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(file: Path, delimiter: str) -> None:
    rows = [["title", "text"], ["water, much", "a;b;c|d"], ["bread", ""]]
    with file.open("w", newline="") as opened:
        csv.writer(opened, delimiter=delimiter).writerows(rows)
    table = read_table(file)
    assert table.delimiter == delimiter
    assert [row.cells for row in table.rows if isinstance(row, Row)] == rows[1:]


def test_rows_carry_the_line_on_which_they_begin_and_bad_ones_say_why(file: Path) -> None:
    long = "x" * (reading.CELL_CHARACTERS_MAX + 1)
    text = 'title,text\r\na,"two\nlines"\n\nb\nc,d,e\n"f"g,h\n' + f'{long},i\nj,k\nl,"m'
    file.write_text(text)
    lines = [(row.line, row.reason[:30] if isinstance(row, BadLine) else row.cells[0]) for row in read_table(file).rows]
    assert lines == [
        (2, "a"),
        (5, "it has 1 cell and the first li"),
        (6, "it has 3 cells and the first l"),
        (7, "text after a closing quote; wr"),
        (8, "a cell has more than 65,536 ch"),
        (9, "j"),
        (10, "the file ends within quotes"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b'"title', "cannot be read"),
        (b"a," * 300, "columns, more than"),
        (b"\xff\xfea", "is not in utf-16"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        list(read_table(file).rows)


def test_a_file_that_is_not_there_or_too_large_or_badly_named_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_table(file)
    file.write_bytes(b"title\nwater")
    with pytest.raises(UsageError, match="no encoding"):
        read_table(file, encoding="klingon")
    monkeypatch.setattr(reading, "FILE_BYTES_MAX", 5)
    with pytest.raises(UsageError, match="larger than"):
        read_table(file)


# --- Columns


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Title", "title"),
        ("Título", "title"),
        ("BESOIN", "title"),
        ("Description", "text"),
        ("Mesaj", "text"),
        ("数量", "quantity"),
        ("الكمية", "quantity"),
        ("reach_km", "reach_km"),
        ("Best before", "best_before"),
        ("title_es", "title.es"),
        ("Text (ht)", "text.ht"),
        ("Descripción.es", "text.es"),
        ("text: zh-Hant", "text.zh-Hant"),
        ("phone", None),
        ("title_of_the_book", None),
    ],
)
def test_names_of_columns_are_understood_in_several_languages(name: str, field: str | None) -> None:
    found = suggest(name)
    assert (found and str(found)) == field


def test_no_name_means_two_fields() -> None:
    from hartig_node.cli.importing.columns import NAMES

    folded = [(fold(name), field) for field, names in NAMES.items() for name in names]
    assert len(dict(folded)) == len(set(folded))


def test_what_is_said_wins_over_what_the_header_suggests() -> None:
    columns = map_columns(["title", "message", "id"], ["title=message"], ["kind=need"], ["text=ht"], "en")
    assert columns.by_column == {1: Target("title")}
    assert columns.same == {Target("kind"): "need"}
    assert columns.languages == {"title": "en", "text": "ht"}
    assert columns.unused == ["title", "id"]
    assert map_columns(["a", "b"], ["title.es=2"], [], ["fr"], "en").by_column == {1: Target("title", "es")}


@pytest.mark.parametrize(
    ("maps", "sets", "languages", "reason"),
    [
        (["titel=message"], [], [], "no field 'titel'"),
        (["title=mesage"], [], [], "no column 'mesage'"),
        (["title"], [], [], "not of the form"),
        (["title=message", "text=message"], [], [], "mapped twice"),
        (["quantity.es=message"], [], [], "no field with a language"),
        ([], ["kind="], [], "not of the form"),
        ([], [], ["klingonisch"], "is no language"),
        ([], [], ["days=en"], "is no language"),
    ],
)
def test_a_mapping_that_is_wrong_says_what_is_meant(
    maps: list[str], sets: list[str], languages: list[str], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        map_columns(["message"], maps, sets, languages, "en")


# --- Drafts


def read(**cells: str) -> Reading:
    columns = map_columns(list(cells), [f"{name.replace('__', '.')}={name}" for name in cells], [], [], "en")
    return read_row(list(cells.values()), columns)


def test_cells_become_fields() -> None:
    draft = read(
        kind="Need", title=" Water ", text__ht="Dlo", language="es", quantity="2,5", unit="ltr", people="40", days="3",
        requires="condition.new, diet.vegan", window_from="2026-11-24", window_to="2026-11-25", dates="2026-11-24; ",
        source="phone", urgency="",
    ).draft  # fmt: skip
    assert draft == {
        "kind": "need", "title": {"es": "Water"}, "text": {"ht": "Dlo"}, "quantity": "2.5", "unit": "LTR", "people": 40,
        "days": 3.0, "requires": ["condition.new", "diet.vegan"], "dates": [draft["dates"][0]], "source": "phone",
        "window": {"from": draft["window"]["from"], "to": draft["window"]["to"]},
    }  # fmt: skip
    assert draft["window"]["to"].startswith("2026-11-25T23:59:00")
    assert draft["dates"][0].startswith("2026-11-24T00:00:00")


@pytest.mark.parametrize(
    ("cells", "repeats"),
    [
        ({"repeats": "Tuesday, friday 18:00"}, {"rule": "FREQ=WEEKLY;BYDAY=TU,FR", "start": "18:00"}),
        ({"every": "day at 7:30"}, {"rule": "FREQ=DAILY", "start": "07:30"}),
        (
            {"repeats": "FREQ=MONTHLY;BYMONTHDAY=1 2026-12-01T10:00", "time_zone": "Europe/Madrid"},
            {"rule": "FREQ=MONTHLY;BYMONTHDAY=1", "start": "2026-12-01T10:00", "time_zone": "Europe/Madrid"},
        ),
        (
            {"repeats": "weekday 12:00", "repeats_until": "2026-12-31", "repeats_except": "2026-12-25; 2026-12-28"},
            {
                "rule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
                "start": "12:00",
                "until": "2026-12-31",
                "except": ["2026-12-25", "2026-12-28"],
            },
        ),
    ],
)
def test_a_column_says_how_a_post_repeats(cells: dict[str, str], repeats: dict[str, Any]) -> None:
    columns = map_columns(list(cells), [], [], [], "en")
    assert read_row(list(cells.values()), columns).draft["repeats"] == repeats


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"quantity": "1,000"}, "may mean two numbers"),
        ({"quantity": "about 5"}, "is no number"),
        ({"quantity": "-5"}, "is no number"),
        ({"people": "2.5"}, "no whole number"),
        ({"best_before": "soon"}, "is no time"),
        ({"window_from": "2026-11-24"}, "needs both"),
        ({"repeats": "tuesdays"}, "tuesday,friday 18:00"),
        ({"repeats_until": "2026-12-31"}, "write days and a time"),
        ({"repeats": "someday 18:00"}, "does not know 'someday'"),
    ],
)
def test_a_cell_that_cannot_be_read_makes_a_bad_line(cells: dict[str, str], reason: str) -> None:
    with pytest.raises(BadRowError, match=reason):
        read(title="x", **cells)


def test_a_long_title_is_cut_at_a_word_and_the_whole_goes_into_the_text() -> None:
    whole = "we need water " * 50
    draft, is_cut = read(title=whole, text__ht="Nou bezwen dlo")
    assert is_cut
    assert len(draft["title"]["en"].encode()) <= TITLE_BYTES_MAX
    assert draft["title"]["en"].endswith((" we…", " need…", " water…"))
    assert draft["text"] == {"en": whole.strip(), "ht": "Nou bezwen dlo"}
    assert read(title=whole, text__en="more").draft["text"]["en"] == f"{whole.strip()}\n\nmore"


def test_a_row_with_a_text_alone_gets_its_title_from_it() -> None:
    assert read(text="Water").draft == {"title": {"en": "Water"}}
    draft, is_cut = read(text="水" * 400)
    assert is_cut
    assert draft["text"] == {"en": "水" * 400}


@pytest.mark.parametrize("text", ["水" * 400, "x" * 1000, "ab " * 400, "x " + "y" * 1000])
def test_a_cut_never_breaks_a_character_or_the_bound(text: str) -> None:
    cut = cut_at_word(text, 480)
    assert 200 < len(cut.encode()) <= 480
    assert text.startswith(cut[:-1])


# --- What is done


def test_equal_rows_have_keys_of_their_own_and_the_same_ones_next_time() -> None:
    rows = [{"title": "a"}, {"title": "b"}, {"title": "a"}]
    first, second = ([keys.next_key(row) for row in rows] for keys in (Keys(), Keys()))
    assert first == second
    assert len(set(first)) == 3


def test_a_key_stands_at_the_end_of_the_source_and_is_found_again() -> None:
    for source in (None, "phone", "ü" * 500):
        draft = with_key({"source": source}, "0123456789abcdef-2")
        assert len(draft["source"].encode()) <= 240
        assert keys_of([draft, {"source": "other"}, {}]) == {"0123456789abcdef-2"}


def test_keys_are_kept_privately_and_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Done(tmp_path)
    assert done.load() == set()
    done.add(["0" * 16, "1" * 16 + "-2"])
    path = tmp_path / "imports" / "done"
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as file:
        file.write("half a li")
    assert done.load() == {"0" * 16, "1" * 16 + "-2"}
    monkeypatch.setattr("hartig_node.cli.importing.done.KEYS_KEPT_MAX", 2)
    assert done.load() == {"1" * 16 + "-2"}
    assert len(path.read_text().splitlines()) == 2
    assert KEYS_KEPT_MAX > 20_000


def test_a_node_elsewhere_has_its_notes_with_this_user(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    one, other = (state_folder("/hub", url, environment) for url in ("http://a", "http://b"))
    assert one != other
    assert one.parent == tmp_path / "hartig"
    assert state_folder("/hub", None, environment) == Path("/hub")


# --- The command


def write(file: Path, rows: list[list[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows(rows)


def test_lines_are_posted_and_bad_ones_named(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    fake.bad_titles["bad"] = problem(422, "bad_draft", "there is no unit 'X'", pointer="/unit", hint="take one")
    write(file, [["title", "people"], ["good", "1"], ["bad", "2"], ["broken", "many"], ["also good", "4"]])
    code, out, err = hartig("import", str(file), *SAME)
    assert code == exits.PARTLY
    assert "2 lines posted." in out
    assert "2 bad lines" in out
    assert "line 3: unit: there is no unit 'X' (take one)" in err
    assert "line 4: people 'many' is no number" in err
    assert sorted(one["title"]["en-GB"] for one in fake.posts) == ["also good", "good"]


def test_a_dry_run_posts_nothing(hartig: Hartig, fake: FakeNode, folder: Path, file: Path) -> None:
    write(file, [["title"], ["good"]])
    report = json.loads(hartig("import", str(file), *SAME, "--dry-run", "--json").out)
    assert report["good"] == 1
    assert (fake.posts, (folder / "imports").exists()) == ([], False)


def test_running_it_again_repeats_nothing(hartig: Hartig, fake: FakeNode, folder: Path, file: Path) -> None:
    write(file, [["title"], ["water"], ["bread"], ["water"]])
    assert "3 lines posted" in hartig("import", str(file), *SAME).out
    again = hartig("import", str(file), *SAME)
    assert "0 lines posted" in again.out
    assert "3 lines passed over" in again.out
    # The notes alone: a post that was withdrawn has lost its words.
    posts, fake.posts = fake.posts, []
    assert "3 lines passed over" in hartig("import", str(file), *SAME).out
    # The posts alone: a crash came between the answer and the note.
    fake.posts = posts
    (folder / "imports" / "done").unlink()
    assert "3 lines passed over" in hartig("import", str(file), *SAME).out
    assert "3 lines posted" in hartig("import", str(file), *SAME, "--again").out


def test_a_corrected_file_brings_only_what_is_new(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    fake.bad_titles["bred"] = problem(422, "bad_draft", "no")
    write(file, [["title"], ["water"], ["bred"]])
    assert hartig("import", str(file), *SAME).code == exits.PARTLY
    write(file, [["title", "phone"], ["bread", "7"], ["water", "8"]])
    report = json.loads(hartig("import", str(file), *SAME, "--json").out)
    assert (report["posted"], report["posted_before"]) == (1, 1)
    assert sorted(one["title"]["en-GB"] for one in fake.posts) == ["bread", "water"]
    other = hartig("import", str(file), "--set", "kind=offer", "--set", "category=food")
    assert "2 lines passed over" in other.out


def test_a_node_that_goes_away_ends_it_and_the_next_run_goes_on(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    write(file, [["title"], *([f"post {number}"] for number in range(250))])
    fake.plan(200, {"items": [], "next": None})
    assert hartig("import", str(file), *SAME, "--dry-run").code == exits.OK
    first = _stopped_after_one_batch(hartig, fake, file)
    assert first.code == exits.UNREACHABLE
    assert "Run the same again" in first.err
    assert len(fake.posts) == 100
    report = json.loads(hartig("import", str(file), *SAME, "--json").out)
    assert (report["posted"], report["posted_before"]) == (150, 100)


def _stopped_after_one_batch(hartig: Hartig, fake: FakeNode, file: Path) -> Result:
    """Hang up on the second batch; the list of posts and the first one are answered by the model."""
    answer = fake.answer
    batches = []

    def stop(request: Any) -> Any:
        if request.path.endswith("/batch"):
            batches.append(request)
            if len(batches) == 2:
                raise ConnectionAbortedError
        return answer(request)

    fake.answer = stop  # type: ignore[method-assign]
    try:
        return hartig("import", str(file), *SAME)
    finally:
        fake.answer = answer  # type: ignore[method-assign]


def test_what_keeps_the_hub_from_posting_at_all_ends_it(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    fake.bad_titles["post 100"] = problem(409, "no_room", "all places are used", hint="withdraw old posts")
    write(file, [["title"], *([f"post {number}"] for number in range(300))])
    code, out, err = hartig("import", str(file), *SAME)
    assert code == exits.REFUSED
    assert "100 lines posted." in out
    assert "all places are used" in err
    assert len([request for request in fake.requests if request.path.endswith("/batch")]) == 2


def test_batches_are_bounded_by_bytes_too(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    write(file, [["title", "text"], *([f"post {number}", "x" * 30_000] for number in range(60))])
    assert hartig("import", str(file), *SAME).code == exits.OK
    assert [len(request.value["drafts"]) for request in fake.requests if request.method == "POST"] == [29, 29, 2]


@pytest.mark.parametrize(
    ("header", "arguments", "hint"),
    [
        ("phone", SAME, "--map title=COLUMN"),
        ("title", ("--set", "kind=need"), "--set category="),
        ("title", ("--set", "category=food"), "--set kind=need"),
        ("title", (*SAME, "--delimiter", ";;"), "--delimiter ';'"),
    ],
)
def test_what_every_line_lacks_is_said_at_once(
    hartig: Hartig, folder: Path, file: Path, header: str, arguments: tuple[str, ...], hint: str
) -> None:
    file.write_text(f"{header}\nx\n")
    code, _, err = hartig("import", str(file), *arguments)
    assert code == exits.USAGE
    assert hint in err


def test_how_the_file_is_understood_is_told(hartig: Hartig, fake: FakeNode, file: Path) -> None:
    file.write_bytes("título;teléfono\nagua;1".encode("latin-1"))
    err = hartig("import", str(file), *SAME, "--language", "es").err
    assert "read as cp1252" in err
    assert "divided by semicolon" in err
    assert "título -> title in es" in err
    assert "not used: teléfono" in err
    assert "all lines -> kind: need" in err


def test_notes_that_cannot_be_written_are_told_and_stop_nothing(
    hartig: Hartig, fake: FakeNode, folder: Path, file: Path
) -> None:
    (folder / "imports").write_text("in the way")
    write(file, [["title"], ["water"]])
    code, _, err = hartig("import", str(file), *SAME)
    assert code == exits.OK
    assert "Cannot note what is done" in err


@pytest.mark.shared
@pytest.mark.skipif(
    not MESSAGES.exists() and os.environ.get("CI") != "true", reason="the message collection is not beside the checkout"
)
def test_thousands_of_real_messages_go_in_whole(hartig: Hartig, fake: FakeNode) -> None:
    maps = ("--map", "title=message", "--map", "text=original", "--language", "title=en", "--language", "text=ht")
    code, out, _ = hartig("import", str(MESSAGES), *maps, "--set", "kind=need", "--set", "category=other", "--json")
    assert code == exits.OK
    assert json.loads(out)["posted"] == 6000
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, made in zip(rows, reversed(fake.posts), strict=True):
        said = {**made["title"], **made.get("text", {})}
        assert " ".join(row["message"].split()) == " ".join(said["en"].split())
        assert row["original"].strip() == said.get("ht", "")

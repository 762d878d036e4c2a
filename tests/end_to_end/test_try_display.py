"""What `deploy/try` shows, from made-up pictures: no hub is started here."""

import io
import json
import os
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hartig_node.glossary import words_used

DEPLOY = Path(__file__).parents[2] / "deploy"
sys.path.insert(0, str(DEPLOY))

from demo import advice, plain, ports, screen  # noqa: E402 - the demo is no part of the distribution
from demo.hubs import tail  # noqa: E402
from demo.picture import Fingerprint, HubView, Picture, Seen, Stage  # noqa: E402
from demo.terminal import can_draw  # noqa: E402

NAMES = ("Riverside free store", "Harbour Street kitchen", "Old Mill house")
SAME = Fingerprint("2026-11-22T04:00:00Z", 46, "4a36648b7c0d9ac8457252f2c7b412cc")
OTHER = replace(SAME, count=20, hash="0" * 32)
FILE = Path("/tmp/hartig-abcd1234/token")
HELP = screen.Help("hartig_" + "x" * 43, tuple(advice.curl_lines("http://127.0.0.1:4281", FILE)), advice.ENDING)


def start() -> Picture:
    return Picture(tuple(HubView(name) for name in NAMES), sample=39, to_publish=39)


def complete() -> Picture:
    hubs = []
    for number, name in enumerate(NAMES):
        seen = tuple(
            Seen(str(other), NAMES[other], "mdns" if other < number else "incoming")
            for other in range(3)
            if other != number
        )
        page, api = f"http://127.0.0.1:{8081 + number}/", f"http://127.0.0.1:{4281 + number}"
        hubs.append(HubView(name, Stage.MEMBER, str(number), page, api, seen, 46, 17, 22, SAME))
    return Picture(tuple(hubs), 39, 0, 3.1, 3.4)


def with_third(**changes: object) -> Picture:
    picture = complete()
    first, second, third = picture.hubs
    return replace(picture, hubs=(first, second, replace(third, **changes)))  # type: ignore[arg-type]


def text(picture: Picture, columns: int = 80, rows: int = 24) -> list[str]:
    return ["".join(span.text for span in line) for line in screen.lines(picture, HELP, 12.3, columns, rows)]


@pytest.mark.parametrize(
    ("picture", "missing"),
    [
        (complete(), ""),
        (with_third(fingerprint=OTHER), "do not hold the same"),
        (with_third(fingerprint=replace(SAME, as_of="2026-11-22T05:00:00Z")), "do not hold the same"),
        (with_third(fingerprint=replace(SAME, count=45)), "do not hold the same"),
        (with_third(seen=()), "Old Mill house does not see Riverside free store, Harbour Street kitchen"),
        (with_third(seen=(Seen("0", NAMES[0], "mdns"),)), "Old Mill house does not see Harbour Street kitchen"),
        (with_third(offers=21), "Old Mill house holds 38 of 39 posts"),
        (replace(complete(), to_publish=13), "13 entries of the sample are not published"),
        (with_third(stage=Stage.LOOKING), "Old Mill house is looking for the hub that invited it"),
        (start(), "Riverside free store waits for its invite"),
    ],
)
def test_a_picture_knows_what_is_missing(picture: Picture, missing: str) -> None:
    said = picture.missing()
    assert (said == []) == (not missing)
    assert missing in "\n".join(said)
    if "is looking" not in missing:  # a hub that has everything but its word for it
        assert picture.is_complete == (not missing)


def test_three_hubs_that_hold_nothing_are_not_equal() -> None:
    assert not replace(start(), to_publish=0).is_equal


@pytest.mark.parametrize(
    ("held", "target", "full"),
    [(0, 0, 0), (0, 39, 0), (1, 39, 0), (20, 39, 12), (38, 39, 23), (39, 39, 24), (1, 0, 24)],
)
def test_a_bar_is_full_only_when_nothing_is_missing(held: int, target: int, full: int) -> None:
    assert screen.filled(held, target, 24) == full


@pytest.mark.parametrize("picture", [start(), complete(), with_third(fingerprint=OTHER, needs=3), with_third(seen=())])
@pytest.mark.parametrize("columns", [80, 100, 200])
def test_everything_fits_an_ordinary_terminal(picture: Picture, columns: int) -> None:
    shown = text(picture, columns)
    assert len(shown) <= screen.ROWS_MIN
    assert max(map(len, shown)) <= columns
    assert words_used("\n".join(shown)) == []


def test_the_display_shows_pages_peers_counts_and_what_to_do() -> None:
    shown = "\n".join(text(complete()))
    for expected in (
        *NAMES,
        "http://127.0.0.1:8081/",
        "http://127.0.0.1:8083/",
        "sees Riverside free store (mDNS) and Old Mill house (found us)",
        " 17 needs  22 offers  fingerprint 4a36648b",
        "All three hold the same 39 posts: met after 3.1 s, equal after 3.4 s.",
        HELP.token,
        "Ctrl-C ends all of it.",
    ):
        assert expected in shown
    assert shown.count("█" * 24) == 3
    assert "░" not in shown


@pytest.mark.parametrize(
    ("picture", "state"),
    [
        (start(), "● 12 s: Riverside free store waits for its invite"),
        (with_third(fingerprint=OTHER), "● Something new is spreading."),
        (complete(), "● All three hold the same 39 posts"),
    ],
)
def test_one_line_says_how_things_are(picture: Picture, state: str) -> None:
    assert any(line.startswith(state) for line in text(picture))


def test_a_line_is_cut_to_the_terminal_and_ends_its_colours() -> None:
    line = (screen.Span("abc", "good"), screen.Span("def"), screen.Span("ghi", "quiet"))
    assert screen.drawn(line, 5) == "\x1b[32mabc\x1b[0mde"


@pytest.mark.parametrize("api", ["http://127.0.0.1:4281", "http://127.0.0.1:54321"])
def test_commands_can_be_pasted_from_eighty_columns(api: str) -> None:
    for file, lines in ((FILE, [1, 1, 2]), (Path("/var/folders/a long name") / ("x" * 20) / "token", [2, 2, 3])):
        commands = advice.curl_lines(api, file)
        assert [command.count("\n") + 1 for command in commands] == lines
        for command in commands:
            assert shlex.split(command.replace("\\\n", ""))[:3] == ["curl", "-H", f"@{file}"]
            assert all(len(part) <= 80 for part in command.split("\n"))


def test_on_a_short_terminal_empty_lines_go_before_any_word() -> None:
    whole, short = text(complete(), rows=24), text(complete(), rows=19)
    assert len(short) == 19
    assert [line for line in whole if line][-19:] == [line for line in short if line]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (complete(), complete(), []),
        (
            start(),
            replace(start(), hubs=(replace(start().hubs[0], page="http://127.0.0.1:8081/"), *start().hubs[1:])),
            ["Riverside free store runs, its page is http://127.0.0.1:8081/"],
        ),
        (with_third(stage=Stage.LOOKING), complete(), ["Old Mill house belongs to the network"]),
        (with_third(seen=()), complete(), [f"Old Mill house sees {name} (mDNS)" for name in NAMES[:2]]),
        (
            complete(),
            with_third(seen=complete().hubs[2].seen[:1]),
            ["Old Mill house sees Harbour Street kitchen no more"],
        ),
        (
            with_third(needs=16, fingerprint=OTHER),
            complete(),
            ["Old Mill house holds 17 needs and 22 offers", "all three hold the same 39 posts (4a36648b)"],
        ),
    ],
)  # fmt: skip
def test_progress_lines_say_what_is_new(before: Picture, after: Picture, lines: list[str]) -> None:
    assert plain.news(before, after) == lines


def test_the_summary_says_whether_all_is_well() -> None:
    good, bad = "\n".join(plain.summary(complete())), "\n".join(plain.summary(with_third(seen=())))
    assert good.endswith("All three hold the same (met after 3.1 s, equal after 3.4 s).")
    assert "Not all is as it should be:\n  Old Mill house does not see" in bad
    assert words_used(good + bad) == []


def test_a_failure_is_in_the_json_object_too() -> None:
    view = json.loads(json.dumps(plain.as_json(complete(), "Old Mill house was ended by SIGKILL")))
    assert view["equal"] is False
    assert view["missing"] == ["Old Mill house was ended by SIGKILL"]
    assert "missing" not in plain.as_json(complete())


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {}, {"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "xterm", "out": "no terminal"}]
)
def test_without_a_terminal_for_it_nothing_is_drawn(environment: dict[str, str]) -> None:
    class Tty(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return "out" not in environment

    assert not can_draw(Tty(), environment)


def test_the_last_words_of_a_hub_are_few_and_cannot_move_the_cursor(tmp_path: Path) -> None:
    log = tmp_path / "hub.log"
    assert tail(log) == []
    log.write_text("".join(f"line {number}\n\n" for number in range(5000)) + "\x1b[2Jend\n")
    assert tail(log) == [*(f"line {number}" for number in range(4989, 5000)), "[2Jend"]


def test_a_second_demo_takes_other_ports_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_NAME", f"\0hartig-test-{os.getpid()}")
    first = ports.reserve()
    assert first is not None
    assert ports.reserve() is None
    assert ports.choose(1, may_use_fixed=False) == (0, 0)
    first.close()
    again = ports.reserve()
    assert again is not None
    again.close()


def test_a_port_that_is_taken_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port != 8082)
    assert [ports.choose(number, may_use_fixed=True) for number in range(3)] == [(4281, 8081), (4282, 0), (4283, 8083)]


def test_every_part_of_the_demo_stands_in_its_map() -> None:
    import demo

    assert demo.__doc__ is not None
    named = set(re.findall(r"\w+", demo.__doc__))
    assert {path.stem for path in (DEPLOY / "demo").glob("*.py")} - {"__init__"} <= named

"""The one style sheet: enough contrast in light and dark, nothing that needs left or right, nothing from elsewhere."""

import re
from itertools import product

import pytest

from hartig_node.site.rendering import static_file

STYLE = static_file("style.css").decode()
TEXT_RATIO = 4.5  # WCAG 2.2, 1.4.3
PART_RATIO = 3.0  # WCAG 2.2, 1.4.11: borders of fields, pictures


def colours(scheme: str) -> dict[str, str]:
    light, dark = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light if scheme == "light" else dark))


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT_PAIRS = [
    *product(("ink", "soft", "link", "bad", "need", "offer"), ("ground", "paper", "tint")),
    ("ground", "ink"),  # buttons and the current page
    ("on-colour", "offer"),
    ("on-colour", "need"),
]
PART_PAIRS = [*product(("line", "link", "bad", "offer", "need"), ("ground", "paper"))]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_for_tired_eyes(scheme: str) -> None:
    palette = colours(scheme)
    thin = [(a, b) for a, b in TEXT_PAIRS if ratio(palette[a], palette[b]) < TEXT_RATIO]
    faint = [(a, b) for a, b in PART_PAIRS if ratio(palette[a], palette[b]) < PART_RATIO]
    assert (thin, faint) == ([], [])


def test_both_schemes_name_the_same_colours_and_nothing_else_has_one() -> None:
    assert set(colours("light")) == set(colours("dark"))
    rules = STYLE.split("}\n}\n", 1)[1]
    assert re.findall(r"#[0-9a-f]{3,8}\b", rules) == []


def test_nothing_is_left_or_right_and_nothing_comes_from_elsewhere() -> None:
    assert re.findall(r"(?:^|[\s;{-])(?:left|right)\b", STYLE) == []
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_letters_are_large_and_focus_is_seen() -> None:
    base = re.search(r"html \{ font: ([\d.]+)rem", STYLE)
    assert base
    assert float(base[1]) >= 1
    assert min(float(size) for size in re.findall(r"font-size: ([\d.]+)rem", STYLE)) * 16 >= 15
    assert ":focus-visible { outline: 3px solid" in STYLE

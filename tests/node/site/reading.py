"""Reads a page as strictly as no browser does: what is open is closed, what is named exists, what asks has a label."""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img"}
ASKING = {"input", "select", "textarea"}
URL_ATTRIBUTES = ("href", "src", "action")


@dataclass
class Page:
    """What a page is made of."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def one(self, element_id: str) -> dict[str, str]:
        (found,) = [attributes for _name, attributes in self.tags if attributes.get("id") == element_id]
        return found

    def value(self, name: str) -> str:
        (found,) = [attributes for attributes in self.all("input") if attributes.get("name") == name]
        return found["value"]

    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _value in attrs]
        assert len(names) == len(set(names)), f"<{tag}> says something twice: {names}"
        assert not [name for name in names if name.startswith("on") or name == "style"], (tag, names)
        self.page.text += " "  # what stands in two elements is two words
        self.page.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> comes while <{self.open[-1]}> is open, in {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.page.text += data


def read(html: str) -> Page:
    """Return a page; fails where it is not well formed or leaves somebody out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    page = reader.page
    _check_references(page)
    _check_labels(page)
    _check_frame(page)
    return page


def _check_references(page: Page) -> None:
    ids = Counter(attributes["id"] for _tag, attributes in page.tags if "id" in attributes)
    assert [one for one, count in ids.items() if count > 1] == []
    for tag, attributes in page.tags:
        for name in ("aria-describedby", "aria-labelledby", "for"):
            missing = set(attributes.get(name, "").split()) - set(ids)
            assert not missing, f"<{tag} {name}> names {missing}, which is not there"
        for name in URL_ATTRIBUTES:
            address = attributes.get(name, "/")
            assert address.startswith(("/", "#")), f"<{tag}> leads elsewhere: {address}"
            assert not address.startswith("//"), f"<{tag}> leads elsewhere: {address}"
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


def _check_labels(page: Page) -> None:
    labelled = {attributes.get("for") for attributes in page.all("label")}
    for tag in ASKING:
        for attributes in page.all(tag):
            wrapped = attributes.get("type") in ("hidden", "radio")  # radios stand inside their label
            assert wrapped or attributes.get("id") in labelled, f"<{tag}> without a label: {attributes}"


def _check_frame(page: Page) -> None:
    assert [name for name, _attributes in page.tags if name == "script"] == []
    for tag in ("html", "title", "main", "header", "footer", "h1"):
        assert len(page.all(tag)) == 1, f"not one <{tag}>"
    (html,) = page.all("html")
    assert html["lang"]
    assert html["dir"] in ("ltr", "rtl")
    assert all("aria-label" in attributes for attributes in page.all("nav"))
    headings = [int(name[1]) for name, _attributes in page.tags if name in ("h1", "h2", "h3", "h4")]
    assert all(below - above <= 1 for above, below in itertools.pairwise(headings)), headings

"""Bring the sentences of every language up to date with templates and code.

Run it as `python -m hartig_node.site.languages.update`. Needs Babel, which only those who change the pages have.
In: templates and code. Out: each `.po` with new sentences added and old ones gone, and its compiled `.mo`. What a
translator has still to do is left empty, and a test names it.
"""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from hartig_node.site.languages import LANGUAGES, SOURCE_LANGUAGE

LANGUAGES_FOLDER = Path(__file__).parent
SITE_FOLDER = LANGUAGES_FOLDER.parent
_METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
# The same as in `rendering.py`, so that a message has the same spaces in both.
_OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "newstyle_gettext": "true"}}


def template() -> Catalog:
    """Return every sentence that templates and code ask for."""
    catalog = Catalog(project="hartig", charset="utf-8")
    found = extract_from_dir(SITE_FOLDER, method_map=_METHODS, options_map=_OPTIONS, strip_comment_tags=True)
    for path, _line, message, comments, context in found:
        # No line numbers: a sentence that only moved makes no change in the file.
        catalog.add(message, locations=[(path, 0)], auto_comments=comments, context=context)
    return catalog


def held(language: str) -> Catalog:
    """Return the sentences of a language as its `.po` file has them."""
    with path(language, "po").open("rb") as source:
        return read_po(source, locale=language)


def path(language: str, suffix: str) -> Path:
    """Return where a language's file is."""
    return LANGUAGES_FOLDER / f"{language}.{suffix}"


def update(language: str) -> None:
    """Write both files of a language anew."""
    catalog = held(language)
    # No guesses: a sentence that changed a little may mean something else.
    current = template()
    current.creation_date = catalog.creation_date  # the file changes when sentences do, not when the day does
    catalog.update(current, no_fuzzy_matching=True, keep_user_comments=True)
    catalog.obsolete.clear()
    written = io.BytesIO()
    write_po(written, catalog, sort_output=True, include_lineno=False, omit_header=False, width=110)
    path(language, "po").write_bytes(written.getvalue())
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    path(language, "mo").write_bytes(compiled.getvalue())


def main() -> None:
    """Update every language but the one that stands in the code."""
    for language in LANGUAGES:
        if language != SOURCE_LANGUAGE:
            update(language)


if __name__ == "__main__":
    main()

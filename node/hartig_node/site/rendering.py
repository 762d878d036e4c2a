"""From a template and its values to a response: language, headers of the page, escaping.

In: a request and values. Out: an HTML response in the neighbour's language. Everything is escaped by jinja2; a name
that a template asks for and nobody gave is an error, not an empty place. Who calls: every page.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from hartig_node.board.drafts.views import PostView
from hartig_node.site import flagging, languages, progress, words
from hartig_node.site.choices import choices
from hartig_node.site.doors import BoardDoor, Clock
from hartig_node.site.faults import Fault
from hartig_node.site.words import Tongue
from hartig_protocol.records import attributes
from hartig_protocol.values import value

if TYPE_CHECKING:
    from jinja2 import Environment

BOARD: web.AppKey[BoardDoor] = web.AppKey("board")
CLOCK: web.AppKey[Clock] = web.AppKey("clock")


@value
class Frame:
    """What stands around a page: the ways on (address, label before translation), and where one looks for posts.

    `device` is the name of the paired device that reads it; None on the neighbours' pages.
    """

    ways: tuple[tuple[str, str], ...] = (
        ("/", words.N_("Look")),
        ("/need", words.N_("I need")),
        ("/offer", words.N_("I have")),
        ("/mine", words.N_("My post")),
    )
    look: str = "/"
    device: str | None = None


FRAME: web.AppKey[Callable[[web.Request], Frame]] = web.AppKey("frame")
LANGUAGE_COOKIE = "lang"
LANGUAGE_KEPT_S = 365 * 24 * 3600
COMPRESSED_FROM_BYTES = 1024


@cache
def static_file(name: str) -> bytes:
    """Return a file of `static/`."""
    return files("hartig_node.site").joinpath("static", name).read_bytes()


@cache
def static_address(name: str) -> str:
    """Return the address of a file of `static/`, with the hash of what is in it: it may be kept for ever."""
    return f"/{name}?v={static_version(name)}"


@cache
def static_version(name: str) -> str:
    """Return the hash in a file's address."""
    return hashlib.sha256(static_file(name)).hexdigest()[:12]


@cache
def environment(language: str) -> "Environment":
    """Return the templates in a language."""
    # Late: three megabytes that a hub without a page to show need not hold.
    from jinja2 import DictLoader, Environment, PackageLoader, StrictUndefined

    joined = files("hartig_node.site").joinpath("templates.json")  # as the wheel has them: deploy/wheel.py
    made = Environment(
        loader=DictLoader(json.loads(joined.read_bytes())) if joined.is_file() else PackageLoader("hartig_node.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(languages.translations(language), newstyle=True)  # type: ignore[attr-defined]
    made.globals.update(
        counted=words.COUNTED_UNITS,
        levels=words.LEVELS,
        urgencies=words.URGENCIES,
        modes=words.MODES,
        rules=words.RULES,
        flag_reasons=flagging.REASONS,
        headings=words.ATTRIBUTE_HEADINGS,
        in_language=words.in_language,
        language_name=words.language_name,
        attribute=lambda code: attributes.label(code, language),
        choices=choices(language),
        static=static_address,
        query=urlencode,
        need_states=progress.NEED_STATES,
        deal_states=progress.DEAL_STATES,
        deal_lines=progress.deal_lines,
        standing_lines=progress.standing_lines,
        progress_lines=progress.progress_lines,
        date_lines=progress.date_lines,
        end_lines=progress.end_lines,
        badge=progress.badge,
        still=progress.still,
        is_done=progress.is_done,
    )
    return made


def board_of(request: web.Request) -> BoardDoor:
    """Return the board behind the pages."""
    return request.app[BOARD]


def tongue_of(request: web.Request) -> Tongue:
    """Return the language of a request."""
    hub = board_of(request).config
    chosen = languages.choose(
        request.query.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("Accept-Language", ""),
        next(iter(hub.languages), languages.SOURCE_LANGUAGE),
    )
    return Tongue(chosen, languages.translations(chosen))


def page(
    request: web.Request, template: str, values: Mapping[str, Any], status: int = 200, *, private: bool = False
) -> web.Response:
    """Render a template; a `private` page (one with a pick-up word) is kept nowhere."""
    tongue = tongue_of(request)
    text = environment(tongue.language).get_template(template).render(_shared(request, tongue), **values)
    response = web.Response(text=text, content_type="text/html", charset="utf-8", status=status)
    response.headers["Cache-Control"] = "no-store" if private else "no-cache"
    response.headers["Vary"] = "Accept-Language, Cookie"
    if request.query.get("lang") == tongue.language:
        response.set_cookie(
            LANGUAGE_COOKIE, tongue.language, max_age=LANGUAGE_KEPT_S, httponly=True, samesite="Lax", path="/"
        )
    if len(text) >= COMPRESSED_FROM_BYTES:
        response.enable_compression()
    return response


def _shared(request: web.Request, tongue: Tongue) -> dict[str, Any]:
    """Return what every template may use."""
    now = request.app[CLOCK]()

    def time_left(view: PostView) -> str:
        # A clock that nobody vouches for lets nothing expire, so it cannot say when anything will; nor can the hub that
        # wrote a post by such a clock.
        is_known = now.trusted and view.state == "standing" and not view.approx
        return tongue.time_left(view.expires_ms - now.wall_ms) if is_known else ""

    def other_language(tag: str) -> str:
        # What was sent in a form is not in the address; the language of such a page begins it again.
        kept = {name: value for name, value in request.query.items() if name != "lang"}
        # A page that is not here may have an address such as //elsewhere, which would lead away.
        path = request.path if request.match_info.http_exception is None else "/"
        return f"{path}?{urlencode({**kept, 'lang': tag})}"

    return {
        "tongue": tongue,
        "frame": request.app[FRAME](request) if FRAME in request.app else Frame(),
        "hub": board_of(request).config.name or tongue.say(words.N_("Our hub")),
        "path": request.path,
        "time_left": time_left,
        "knows_time": now.trusted,
        "other_language": other_language,
    }


def fault_page(request: web.Request, fault: Fault) -> web.Response:
    """Say what did not work, and where to go on."""
    wait = tongue_of(request).wait(fault.wait_s) if fault.wait_s else ""
    response = page(request, "fault.html", {"fault": fault, "wait": wait}, fault.status, private=True)
    if fault.wait_s:
        response.headers["Retry-After"] = str(int(fault.wait_s) + 1)
    return response

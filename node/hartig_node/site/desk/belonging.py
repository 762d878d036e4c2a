"""The pages of who belongs: people and hubs, one of them, and what waits for a proof.

In: keys, forms. Out: pages; a form leads back to whom it was about. What this hub may not do has no button, and the
page says who may. Who calls: `app.py`.
"""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from hartig_node.board.belonging.allowed import not_allowed
from hartig_node.board.belonging.people import Person, State, key_of
from hartig_node.board.errors import BoardError
from hartig_node.site.desk.acting import desk_of, desk_page, once, told
from hartig_node.site.desk.doors import DeskDoor
from hartig_node.site.desk.notices import Notice
from hartig_node.site.desk.troubles import Trouble, trouble
from hartig_node.site.forms import Typed
from hartig_node.site.guard import form_of
from hartig_node.site.words import N_, Tongue
from hartig_protocol.records.governance import Rank
from hartig_protocol.records.keys import sha256_of
from hartig_protocol.values import value

SHOWN_MAX = 500  # on one page; the command line lists all
BOXES_MAX = 500  # of a form
NAMED_MAX = 20  # in a notice
RANKS = {
    Rank.SEAT: N_("Trustee"),
    Rank.ORGANISER: N_("Organiser"),
    Rank.HUB: N_("Hub"),
    Rank.MEMBER: N_("Member"),
}
STATES = {State.OVER: N_("does not belong any more"), State.REMOVED: N_("was removed")}
WAITS_FOR = {
    "proof": N_("for the proof that its author belongs"),
    "body": N_("for its text"),
    "record": N_("for what goes before it"),
    "register": N_("for the post that it is about"),
}
KEEP, LISTED = "keep-", "listed"
ADDED = N_("Done. It belongs from now on.")
RENEWED = N_("Done. The membership lasts longer now.")
SPEAKS = N_("Done. It speaks with partner networks from now on.")
HUSHED = N_("Done. It does not speak with partner networks any more.")
ENDED = N_("Done. The membership was taken back.")
REMOVED = N_("Done. It was removed from the network; the other hubs hear of it.")
FELL = N_("With it these do not belong any more (%(number)s): %(names)s.")


@value
class Fallen(Notice):
    """A notice that names who does not belong any more, either."""

    fell: tuple[Person, ...] = ()

    def text(self, tongue: Tongue) -> str:
        """Return what people read."""
        names = ", ".join(_who(one) for one in self.fell[:NAMED_MAX]) + (" …" if len(self.fell) > NAMED_MAX else "")
        said = tongue.say(FELL) % {"number": tongue.count(len(self.fell)), "names": names}
        return f"{super().text(tongue)} {said}"


async def show_people(request: web.Request) -> web.Response:
    """List who belongs, whoever was invited after who invited."""
    return _people(request)


async def answer_people(request: web.Request) -> web.Response:
    """Let a key belong."""
    typed = await form_of(request)

    async def act() -> str:
        rank = "member" if typed["rank"] == "member" else "hub"
        person = await desk_of(request).changing.grant(key_of("".join(typed["key"].lower().split())), rank)
        return told(request, Notice(ADDED), f"/people/{person.key.hex()}")

    try:
        return await once(request, typed, act)
    except BoardError as error:
        return _people(request, trouble(error, "add", typed))


def _people(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    board, is_all = desk_of(request), request.query.get("state") == "all"
    people = board.people.everybody(also_former=is_all)
    values = {
        "people": people[:SHOWN_MAX],
        "total": len(people),
        "is_all": is_all,
        "network": board.rules.view(),
        "ending": board.rules.ending(),
        "waiting": board.waiting()["count"],
        **_words(board),
    }
    return desk_page(request, "people.html", values, stopped)


async def show_person(request: web.Request) -> web.Response:
    """Show one of them, with what this hub may do."""
    return _person(request)


async def answer_person(request: web.Request) -> web.Response:
    """Renew a membership, take it back, or remove somebody."""
    typed, key = await form_of(request), bytes.fromhex(request.match_info["key"])

    async def act() -> str:
        return told(request, await _do(desk_of(request), key, typed), f"/people/{key.hex()}")

    try:
        return await once(request, typed, act)
    except BoardError as error:
        return _person(request, trouble(error, typed["do"], typed))


async def _do(board: DeskDoor, key: bytes, typed: Typed) -> Notice:
    match typed["do"]:
        case "renew":
            await board.changing.renew(key)
            return Notice(RENEWED)
        case "speak" | "hush":
            await board.changing.renew(key, gateway=typed["do"] == "speak")
            return Notice(SPEAKS if typed["do"] == "speak" else HUSHED)
        case "end":
            await board.changing.end(key)
            return Notice(ENDED)
        case "remove":
            keep = [key_of(name.removeprefix(KEEP)) for name in typed.values if name.startswith(KEEP)]
            if typed[LISTED] != _listed(board.people.falling_without(key)):
                raise not_allowed("keep", "others rest on it than when the page was read", "look again", "/keep")
            removal = await board.changing.remove(key, keep)
            return Fallen(REMOVED, fell=removal.fell) if removal.fell else Notice(REMOVED)
    raise BoardError("bad_request", "there is no such button")


def _person(request: web.Request, stopped: Trouble | None = None) -> web.Response:
    board, key = desk_of(request), bytes.fromhex(request.match_info["key"])
    person = board.people.get(key)
    own = next((one for one in board.people.everybody() if one.is_us), None)
    stands = person.state is State.STANDING
    falling = board.people.falling_without(key) if stands else []
    values = {
        "person": person,
        "own": own,
        "is_by_us": stands and own is not None and person.invited_by == own.key,
        "may_remove": stands and own is not None and own.rank >= Rank.ORGANISER and own.rank > person.rank,
        "falling": falling,
        "invited": (invited := [one for one in falling if one.invited_by == key]),
        "fits": len(invited) <= BOXES_MAX,
        "keep": KEEP,
        "listed": _listed(falling),
        **_words(board),
    }
    return desk_page(request, "person.html", values, stopped)


def _listed(falling: Sequence[Person]) -> str:
    """Return what tells whether those who rest on somebody are still those whom a page showed."""
    return sha256_of(b"", b"".join(sorted(one.key for one in falling))).hex()


def _who(person: Person) -> str:
    return person.name or person.key.hex()[:8]


def _words(board: DeskDoor) -> dict[str, Any]:
    """Return how people and hubs are named."""
    names = {one.key: one.name for one in board.people.everybody(also_former=True)}

    def short(key: bytes) -> str:
        return names.get(key) or key.hex()[:8]

    return {"who": _who, "short": short, "ranks": RANKS, "states": STATES}


async def show_waiting(request: web.Request) -> web.Response:
    """Show what is here and does not count yet."""
    values = {"waiting": desk_of(request).waiting(), "waits_for": WAITS_FOR}
    return desk_page(request, "waiting.html", values)

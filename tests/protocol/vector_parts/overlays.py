"""Vectors of part O: with whom a hub wants links, whom it takes, and whom it lets go.

Thirteen hubs, ours included, are one too many for a link with each. Their cards are held from the beginning, so their
hellos carry nothing. What is drawn at random is judged by its number alone.
"""

from collections.abc import Sequence
from typing import Any

from protocol.vector_parts.composing import Fields, pack, signer
from protocol.vector_parts.links import FROM_THEM, FROM_US, OWN_CARD, hello, records_frame, session
from protocol.vector_parts.world import CHARTER, HUB_GRANT, SEAT, SECOND_SEAT, card, grant, post

HUBS = [signer(f"hub {number}") for number in range(12)]
NODES = [signer(f"node {number}").public for number in range(12)]
GRANTS = [
    grant(SECOND_SEAT, hub, number, invites=0) if number < 10 else grant(SEAT, hub, number - 7, invites=0)
    for number, hub in enumerate(HUBS)
]
CARDS = [card(hub, node) for hub, node in zip(HUBS, NODES, strict=True)]
TOWN = {"records": [CHARTER, HUB_GRANT, OWN_CARD, *GRANTS, *CARDS]}
VILLAGE = {"records": [CHARTER, HUB_GRANT, OWN_CARD, *GRANTS[:11], *CARDS[:11]]}
BYE = pack([12, "crowded", "enough neighbours"])
PING = pack([10, 1])


def vectors() -> list[Fields]:
    """All vectors of this part."""
    return [*_mesh(), *_filling(), *_taken(), *_alone(), *_shed(), *_visits(), *_news()]


def _greets(number: int, *, alone: bool = True) -> list[Any]:
    """The hello of hub `number` on link `number`."""
    return [number, hello(HUBS[number], [], own_node=NODES[number], alone=alone)]


def _links(count: int, *, dialled: bool = False) -> dict[str, Any]:
    """Links with the first `count` hubs."""
    one = FROM_US if dialled else FROM_THEM
    return {"links": [one | {"peer_node": NODES[number]} for number in range(count)]}


def _greeted(rule: str, name: str, count: int, *then: Any, **more: Any) -> Fields:
    """So many hubs have greeted, each asking to be taken in; then something happens."""
    frames = [*(_greets(number) for number in range(count)), *then]
    return session(rule, name, frames, **(_links(count + 1) | TOWN | more))


def _mesh() -> list[Fields]:
    last = {"judged_link": 7}
    return [
        session("O1", "of twelve hubs each has a link with each", [], **VILLAGE, links=[], expect={"dials": 11}),
        session("O1", "of thirteen not", [], **TOWN, links=[], wants_dials=12, error="not_dialled"),
        _greeted("O1", "of twelve each is taken", 7, _greets(7, alone=False), **VILLAGE, **last),
        _greeted("O1", "of thirteen not each", 7, _greets(7, alone=False), **last, error="crowded"),
    ]


def _filling() -> list[Fields]:
    return [
        session("O2", "without links three are tried", [], **TOWN, links=[], expect={"dials": 3}),
        _greeted("O2", "with two links others are tried", 2, wants_dials=1),
        _greeted("O2", "with six links none is tried", 6, expect={"dials": 0}),
        session(
            "O2",
            "a node that does not answer makes room for another",
            [["unreachable", node] for node in NODES[:6]],
            **TOWN,
            links=[],
            expect={"dials": 3},
        ),
        _greeted("O2", "with enough links nobody is tried", 6, wants_dials=1, error="not_dialled"),
    ]


def _taken() -> list[Fields]:
    def last(name: str, count: int, *, alone: bool = False, **more: Any) -> Fields:
        return _greeted("O3", name, count, _greets(count, alone=alone), judged_link=count, **more)

    ours = [FROM_THEM | {"peer_node": node} for node in NODES[:7]] + [FROM_US | {"peer_node": NODES[7]}]
    return [
        last("a seventh link", 6),
        last("an eighth link", 7, error="crowded"),
        last("an eighth link of one who is alone", 7, alone=True),
        last("an eighth link that we have dialled", 7, links=ours),
    ]


WANTED = FROM_US | {"later": True, "peer_node": None}


def _alone() -> list[Fields]:
    """Links to whom the hub wants: what it says there of itself."""
    given = {
        "links": [*[WANTED] * 3, *(FROM_THEM | {"peer_node": node} for node in NODES[3:6]), WANTED],
        "judged_link": 9,
    }
    turned = [["open", 0], [0, BYE], ["open", 1], [1, BYE], ["open", 2]]
    taken = [*turned, *(_greets(number) for number in (3, 4, 5)), ["open", 6]]
    greeted = [_greets(3), ["open", 0]]

    def says(name: str, frames: Sequence[Any], alone: list[bool], **more: Any) -> Fields:
        return session("O4", name, frames, **(given | TOWN | more), expect={"alone": alone})

    def wants(name: str, frames: Sequence[Any], number: int, **more: Any) -> Fields:
        return session("O4", name, frames, **(given | TOWN | more), wants_alone=number, error="not_alone")

    return [
        says("turned away twice", turned, [False, False, True]),
        says("turned away twice, then three links", taken, [False, False, True, True, True, True, False]),
        says("of twelve, without a link", [["open", 0]], [True], **VILLAGE),
        wants("turned away once", turned, 1),
        wants("of twelve, with a link", greeted, 1, **VILLAGE),
    ]


def _shed() -> list[Fields]:
    """Eight links stand for more than a minute; then a record comes by two of them."""
    news = records_frame([post(HUBS[6], name="news")], why=0)
    pings = [[number, PING] for number in range(8)]
    minute = [["wait", 40_000], *pings, ["wait", 30_000], *pings]
    twice = [[0, news], [1, news], ["wait", 50_000]]
    quiet = [["wait", 50_000], *pings]
    return [
        _greeted("O5", "without traffic none is ended", 8, *minute, *quiet, *quiet, judged_link=1),
        _greeted("O5", "the link that brought it first stays", 8, *minute, *twice, judged_link=0),
        _greeted("O5", "the link that brought it second is ended", 8, *minute, *twice, judged_link=1, error="crowded"),
        _greeted("O5", "of seven none is ended", 7, *minute, *twice, judged_link=1),
    ]


def _visits() -> list[Fields]:
    lost = [["unreachable", NODES[11]]]
    heard = ["heard", NODES[11]]
    goes = {"wants_dialled": NODES[11]}

    def visit(name: str, count: int, *then: Any, **more: Any) -> Fields:
        frames = [*lost, *(_greets(number) for number in range(count)), *then]
        return session("O6", name, frames, **(_links(count) | TOWN | goes | more))

    return [
        visit("a node that did not answer is heard of", 6, heard),
        visit("with nine links, too", 9, heard),
        visit("with ten links no more", 10, heard, error="not_dialled"),
        visit("it is not heard of", 6, error="not_dialled"),
    ]


def _news() -> list[Fields]:
    """What comes by one link is named on the other, or sent, as that one prefers (S9)."""
    news = post(HUBS[5], name="news")
    comes = [0, records_frame([news], why=0)]
    prefers = [1, pack([16, HUBS[5].public[:8], True])]
    wants = {"wants_sent": news.id}
    at_once, later = ({"named": [[1, news.id[:8].hex(), now]]} for now in (True, False))
    return [
        _greeted("S9", "not linked with all: others' records are named at once", 2, comes, expect=at_once),
        _greeted("S9", "linked with all: after a while", 2, comes, ["wait", 500], **VILLAGE, expect=later),
        _greeted("S9", "who prefers so is sent them", 2, prefers, comes, **wants),
        _greeted("S9", "who does not is not", 2, comes, **wants, error="not_sent"),
    ]

"""`node/API.md` names every route, parameter, field, event and error, and no route that does not exist."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest
from aiohttp import web

from hartig_node.api import idempotency, kept, kept_index, routes_partners
from hartig_node.api.app import make_app
from hartig_node.api.door import loopback_door
from hartig_node.api.endpoints import ENDPOINTS, Repeat
from hartig_node.api.idempotency import HEADER, REPLAYED
from hartig_node.api.problems import API_ERRORS
from hartig_node.api.routes_admin import INVITE_MEMBERS, TOKEN_MEMBERS
from hartig_node.api.routes_deals import (
    ACTIONS,
    ALLOTMENT_MEMBERS,
    CLAIM_MEMBERS,
    COUNT_MEMBERS,
    HANDOVER_MEMBERS,
    SURRENDER_MEMBERS,
)
from hartig_node.api.routes_members import GRANT_MEMBERS, LABEL_MEMBERS, REMOVE_MEMBERS, WITHOUT_MAX
from hartig_node.api.routes_pairing import CODE_MEMBERS, device_json
from hartig_node.api.routes_partners import CHANGE_MEMBERS, PROPOSE_MEMBERS, TAKE_MEMBERS
from hartig_node.board.accounts.refusing import Rule
from hartig_node.board.belonging import pairing
from hartig_node.board.belonging.allowed import RULES
from hartig_node.board.belonging.falling import removals_json
from hartig_node.board.belonging.looking import FALLING_SHOWN_MAX, People
from hartig_node.board.belonging.pairing import DeskReport
from hartig_node.board.belonging.people import RANK_NAMES, Person, State
from hartig_node.board.belonging.removing import Removal
from hartig_node.board.belonging.rules import Rules, rules_json
from hartig_node.board.belonging.signed import RECORDS_MAX
from hartig_node.board.belonging.tokens import SCOPES
from hartig_node.board.belonging.waiting import waiting_json
from hartig_node.board.board import EVENT_NAMES, event_json
from hartig_node.board.deals import views as dealviews
from hartig_node.board.deals.reading import ROLES, STATES
from hartig_node.board.deals.views import (
    AccountView,
    BookView,
    BrokenView,
    DealView,
    EndView,
    SetAsideView,
    SideView,
)
from hartig_node.board.drafts.drafts import DRAFT_FIELDS
from hartig_node.board.drafts.views import PostView
from hartig_node.board.errors import ERRORS
from hartig_node.board.partners.agreed import Side
from hartig_node.board.partners.code import Speaker
from hartig_node.board.partners.crossing import REASONS, SHOWN_MAX
from hartig_node.board.partners.partners import Change
from hartig_node.board.partners.proposals import Proposal
from hartig_node.board.partners.saying import DAYS_DEFAULT, Place
from hartig_node.board.partners.suggestions import Suggestion
from hartig_node.board.partners.terms import KINDS, Terms
from hartig_node.board.status import Status
from hartig_node.doctor.checks import PROBLEMS, SEVERITIES
from hartig_node.glossary import words_used
from hartig_node.net.gate import GateCounts
from hartig_node.site.desk.pairing import TRIES_PER_ADDRESS_MAX, TRIES_TOTAL_MAX
from hartig_node.site.server import DESK_CAPS, KEEP_ALIVE_S
from hartig_protocol.exchange.deal import DealState
from hartig_protocol.exchange.summary import LotState, NeedState
from hartig_protocol.limits import DAY_MS, HOUR_MS, MINUTE_MS
from hartig_protocol.records.posts import ATTRIBUTE_LISTS
from hartig_protocol.records.steps import How
from node.api.fake_board import FakeBoard

DOCUMENT = Path(__file__).parents[3] / "node" / "API.md"
API = Path(inspect.getfile(make_app)).parent
ROUTE = re.compile(r"`(GET|POST|PATCH|DELETE|PUT) (/[^`\s?]*)`")


def text() -> str:
    return DOCUMENT.read_text("utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", text().partition(f"## {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def named(part: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", part))


def literal_keys(function: object) -> set[str]:
    """Return the keys that a function writes into dictionaries."""
    assert callable(function)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    keys = {key for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
    written = {
        node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    }
    return {key.value for key in keys | written if isinstance(key, ast.Constant) and isinstance(key.value, str)}


@pytest.fixture
def app(board: FakeBoard) -> web.Application:
    return make_app(board, loopback_door())


async def test_every_route_is_named_and_every_named_route_exists(app: web.Application) -> None:
    routes = {(one.method, one.resource.canonical) for one in app.router.routes() if one.resource is not None}
    routes = {(method, path) for method, path in routes if method != "HEAD"}
    assert routes == set(ROUTE.findall(text()))


async def test_every_route_says_who_may_and_the_document_agrees(app: web.Application) -> None:
    for route in app.router.routes():
        assert route in app[ENDPOINTS], route
    scopes = {}
    for line in section("Routes").splitlines():
        cells = line.split("|")
        if len(cells) == 5 and cells[2].strip():
            scopes.update(dict.fromkeys(ROUTE.findall(cells[1]), cells[2].strip().split(",")[0]))
    documented = {one: scope for one, scope in scopes.items() if one in scopes}
    assert len(documented) > 15
    for endpoint in app[ENDPOINTS].values():
        scope = documented.get((endpoint.method, endpoint.path))
        assert scope in {None, endpoint.scope, "–" if endpoint.scope == "public" else endpoint.scope}, endpoint


async def test_every_parameter_is_named(app: web.Application) -> None:
    parameters = {name for endpoint in app[ENDPOINTS].values() for name in endpoint.query}
    rows = {line.split("`")[1] for line in section("Routes").partition("### Parameters")[2].splitlines() if "`" in line}
    assert parameters == rows - {"parameter"}


def test_every_field_of_drafts_is_named_in_their_table() -> None:
    assert set(DRAFT_FIELDS) <= named(section("Drafts"))


def test_every_field_of_posts_is_named_in_their_table() -> None:
    fields = literal_keys(PostView.as_json) | set(ATTRIBUTE_LISTS)
    assert len(fields) > 25
    assert fields <= named(section("Posts"))


def test_every_field_of_status_and_peers_and_every_problem_code_is_named() -> None:
    fields = literal_keys(Status.report) | literal_keys(Status.peers) | set(PROBLEMS) | set(SEVERITIES.values())
    assert len(fields) > 30
    assert fields <= named(section("Status and peers"))


def test_every_event_and_its_fields_are_named() -> None:
    assert set(EVENT_NAMES) | literal_keys(event_json) <= named(section("Events"))
    assert {name for name in named(section("Events")) if re.fullmatch(r"[a-z]+\.[a-z]+", name)} == set(EVENT_NAMES)


def test_every_error_code_is_named_with_its_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", section("Problems"), re.MULTILINE)
    codes = {**ERRORS, **API_ERRORS}
    assert {code: int(status) for code, status in rows} == {code: status for code, (status, _title) in codes.items()}
    sources = [path.read_text("utf-8") for path in API.glob("*.py")]
    for error, known in (("BoardError", ERRORS), ("ApiError", API_ERRORS)):
        used = {code for source in sources for code in re.findall(rf'{error}\(\s*"(\w+)"', source)}
        assert used
        assert used <= set(known)


def test_every_field_word_and_rule_of_deals_is_named() -> None:
    views = [SideView, DealView, SetAsideView, AccountView, BrokenView, EndView, BookView]
    fields = {key for view in views for key in literal_keys(view.as_json)}
    amounts = {"counted", "free", "promised", "set_aside", "handed_over", "given_up", "needed", "left", "received"}
    members = {*CLAIM_MEMBERS, *COUNT_MEMBERS, *HANDOVER_MEMBERS, *ALLOTMENT_MEMBERS, *SURRENDER_MEMBERS}
    words = {*dealviews.ACTIONS, *ACTIONS, *DealState, *NeedState, *LotState, *Rule, *ROLES, *STATES, *How}
    assert len(fields) > 50
    assert fields | amounts | members | words | {one for each in ACTIONS.values() for one in each} <= named(
        section("Deals")
    )


def test_every_promise_about_keys_is_the_programs_own() -> None:
    said = section("Repeating a request")
    assert {HEADER, f"{REPLAYED}: true", *API_ERRORS} <= named(said)
    assert f"after {idempotency.WAIT_S_MAX:g} seconds" in said
    assert f"{kept.KEPT_MS // HOUR_MS} hours" in said
    assert f"above {kept.ANSWER_BYTES_MAX // 1024} KiB" in said
    assert f"{kept_index.ROWS_MAX:,} keys, or {kept_index.BYTES_MAX >> 20} MiB" in said
    assert f"{kept_index.ALL_BYTES_MAX >> 20} MiB in all" in said


def test_what_is_done_again_is_named(board: FakeBoard) -> None:
    endpoints = make_app(board, loopback_door())[ENDPOINTS].values()
    safe = {one.path.rpartition("/")[2] for one in endpoints if one.repeat in {Repeat.SAFE, Repeat.LONG}}
    assert safe <= named(section("Repeating a request"))


def test_every_member_of_invites_tokens_and_codes_is_named() -> None:
    names = named(section("Invites, tokens, codes"))
    sources = [(API / f"routes_{name}.py").read_text("utf-8") for name in ("admin", "asking", "codes")]
    shown = {key for source in sources for key in re.findall(r'^ +"(\w+)": ', source, re.MULTILINE)}
    assert set(INVITE_MEMBERS) | set(TOKEN_MEMBERS) | (shown - {"categories", "attributes", "units"}) <= names
    assert set(SCOPES) <= named(section("Conventions"))


def test_every_field_and_bound_of_the_organisers_door_is_named() -> None:
    part = section("The organisers' door")
    source = (API / "routes_pairing.py").read_text("utf-8")
    shown = set(re.findall(r'"(\w+)": ', source)) - {"items", "next", "Location"}
    assert {"code", "code_expires_at"} <= shown
    assert shown | literal_keys(DeskReport.as_json) | literal_keys(device_json) | set(CODE_MEMBERS) <= named(
        part.replace('`{"name": …}`', "`name`")
    )
    assert f"{pairing.CODE_LIFE_MS // MINUTE_MS} powered-on minutes" in part
    assert f"void after {pairing.WRONG_PER_CODE_MAX} wrong tries" in part
    assert f"try {TRIES_PER_ADDRESS_MAX} times a minute, all together {TRIES_TOTAL_MAX} times" in part
    assert f"At most {pairing.DEVICES_MAX} devices" in part
    most, each = DESK_CAPS.connections_max, DESK_CAPS.per_address_max
    assert f"door {most}, of one address {each}, and {KEEP_ALIVE_S:g} seconds" in section("Conventions")
    assert f"each for {pairing.DEVICE_LIFE_MS // DAY_MS} days" in part


def _gate_figure(name: str) -> str:
    return "hartig_gate_open" if name == "open" else f"hartig_gate_{name.removesuffix('_total')}_total"


def test_every_figure_is_named() -> None:
    names = named(section("Metrics"))
    assert {key for key in literal_keys(Status.metrics) if key.startswith("hartig_")} <= names
    assert {_gate_figure(name) for name in GateCounts.__dataclass_fields__} <= names


def test_titles_use_peoples_words() -> None:
    assert not {code: words_used(title) for code, (_status, title) in API_ERRORS.items() if words_used(title)}
    assert not set(API_ERRORS) & set(ERRORS)


def test_hints_use_peoples_words() -> None:
    for path in sorted(API.glob("*.py")):
        for hint in _hints(ast.parse(path.read_text("utf-8"))):
            assert not words_used(hint), f"{path.name}: {hint}"


def _hints(tree: ast.AST) -> list[str]:
    """Return the texts of every hint: what is assigned to `hint`, and the third argument of an error."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == "hint" for one in node.targets):
            found.append(node.value)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"BoardError", "ApiError"}
        ):
            found += node.args[2:3]
    parts = [part for one in found for part in ast.walk(one) if isinstance(part, ast.Constant)]
    return [part.value for part in parts if isinstance(part.value, str)]


def test_the_curl_lines_use_routes_that_exist() -> None:
    written = re.sub(r"\$[A-Z]{2,}", "{id}", text().replace(" $A/", " http://127.0.0.1:4278/api/v1/"))
    lines = [line for line in written.splitlines() if "4278/" in line or "http://localhost/" in line]
    lines = [line for line in lines if not line.startswith("    A=")]
    known = {path for _method, path in ROUTE.findall(text())}
    used = {re.search(r"(?:4278|localhost)(/[^'? )]*)", line)[1] for line in lines}  # type: ignore[index]
    assert len(used) >= 10
    assert used <= known


def test_every_field_and_member_of_partner_networks_is_named() -> None:
    part = section("Partner networks")
    views = (
        Side.as_json, Change.as_json, Proposal.as_json, Place.as_json, Suggestion.as_json, Speaker.as_json,
        routes_partners._Partners._json, routes_partners._Partners.get, routes_partners._Partners.list,
        routes_partners._Partners.code, routes_partners._Partners.shared,
    )  # fmt: skip
    fields = {key for view in views for key in literal_keys(view)} - {"next", "Location"}
    assert len(fields) > 30
    members = {*PROPOSE_MEMBERS, *CHANGE_MEMBERS, *TAKE_MEMBERS, *Terms.__dataclass_fields__}
    words = {"waiting", "agreed", "left", "gained", "lost", "gained_count", "lost_count", *REASONS, *KINDS}
    assert fields | members | words <= named(part)
    assert "What is shared can be copied; how long the partner keeps it is asked, not assured." in part
    assert f"the first {SHOWN_MAX} posts" in part
    assert f"`days` ({DAYS_DEFAULT})" in part


def test_every_field_member_and_rule_of_who_belongs_is_named() -> None:
    part = section("Members")
    views = (Person.as_json, People.details, People._brief, Removal.as_json, Rules.view, rules_json, waiting_json)
    told = {key for view in (People.without_json, removals_json) for key in literal_keys(view)}
    fields = {key for view in views for key in literal_keys(view)}
    assert len(fields) > 40
    members = {*GRANT_MEMBERS, *LABEL_MEMBERS, *REMOVE_MEMBERS}
    assert fields | told | members | {*RULES, *RANK_NAMES.values(), *State} <= named(part)
    assert f"up to {FALLING_SHOWN_MAX} members" in part
    assert f"(at most {WITHOUT_MAX})" in part
    assert literal_keys(Rules.belonging) <= named(section("Status and peers"))
    assert f"at most {RECORDS_MAX}, each" in section("Records")

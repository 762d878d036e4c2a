"""What is hidden, muted or flagged: a post of another hub, or another hub, by the id that people give."""

from hartig_node.board.context import Context, thread_of
from hartig_node.board.drafts.drafts import clean_text
from hartig_node.board.errors import BoardError
from hartig_node.board.partners.held import open_sets
from hartig_protocol.limits import KEY_BYTES
from hartig_protocol.records.keys import is_strict_key
from hartig_protocol.records.opening import open_record


async def other_post(context: Context, text: str) -> bytes:
    """Return the thread of a post of another hub, of our network or of a partner's; raises `BoardError`."""
    thread = thread_of(text)
    held = await context.holder_of(thread)
    stored = None if held is None else await held[1].post(thread)
    if held is None or stored is None:
        raise BoardError("not_found", "no such post is held here", "it may have ended, or not have arrived yet")
    author = open_record(stored.wire, verify_signature=False).head.author
    if held[1] is context.store and author == context.pen.key.public:
        raise BoardError("bad_request", "this is a post of this hub", "change it, or withdraw it")
    return thread


async def readers_of(context: Context, thread: bytes) -> str | bytes:
    """Return who reads a flag of a post that is held: our network; the partner networks too that read the post."""
    held = await context.holder_of(thread)
    if held is not None and held[1] is not context.store:
        return held[0].network
    stored = await context.store.post(thread)
    audience = "network" if stored is None else open_record(stored.wire, verify_signature=False).head.audience
    return "network" if audience == "hub" else audience


def hub_of(text: str) -> bytes:
    """Read the id of a hub; raises `BoardError`."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES or not is_strict_key(key):
        raise BoardError("not_found", f"{text[:80]!r} is no id of a hub", "an id has 64 hexadecimal digits")
    return key


def other_hub(context: Context, text: str) -> bytes:
    """Return the key of another hub, or member, of this network or of a partner's; raises `BoardError`."""
    key = hub_of(text)
    if key == context.pen.key.public:
        raise BoardError("bad_request", "this is this hub itself", "withdraw what should not be here")
    authorities = [context.pen.catalog.authority, *(one.authority for _, (one, _) in open_sets(context.partners))]
    is_known = any(one.standing(key) is not None for one in authorities)
    if not is_known and key not in context.names() and not any(key in one.revoked for one in authorities[1:]):
        raise BoardError("not_found", "no such hub is known here", "the list of people and hubs shows the ids")
    return key


def short_text(text: str, bytes_max: int, pointer: str) -> str:
    """Return a line that people wrote, cleaned; raises `BoardError` where it is too long."""
    cleaned = clean_text(text)
    if len(cleaned.encode()) > bytes_max:
        raise BoardError("bad_request", f"it has more than {bytes_max} bytes", "a sentence is enough", pointer)
    return cleaned

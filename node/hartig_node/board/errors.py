"""What a use case says when it cannot do what was asked.

`code` is stable, `title` names the kind of problem for people, `detail` says what is wrong here, `hint` what to do,
`pointer` (RFC 6901) where in the request. `rule` names the rule of the account of a post that would be broken, `most`
the number in its hint, in smallest parts, and `allowed` the same as decimal text, once somebody has said it in the unit
of the post. Titles and hints use people's words (see the glossary).
"""

from dataclasses import dataclass

# code -> (HTTP status, title). Named in node/API.md, by test.
ERRORS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "This cannot be done as it was asked"),
    "bad_draft": (422, "Something in this post is not right"),
    "bad_record": (422, "This signed record is not right"),
    "bad_bundle": (422, "This file cannot be read as a bundle"),
    "refused": (409, "The hub did not take this post"),
    "not_found": (404, "There is no such thing here"),
    "not_yours": (403, "Only the hub that posted this can change it"),
    "fixed_field": (409, "This cannot be changed once it is posted"),
    "ended": (409, "This post has ended"),
    "not_allowed": (409, "What stands in the account of this post does not allow it"),
    "chain_ended": (409, "The account of this post has ended"),
    "no_room": (409, "This hub has used up its room for posts"),
    "not_admitted": (409, "This hub does not belong to a network"),
    "stopped_signing": (409, "This hub has stopped posting"),
    "no_invites": (409, "This hub has no invites left"),
    "bad_cursor": (400, "This page of the list cannot be found"),
    "feed_gone": (410, "These events are no longer kept"),
    "unauthorized": (401, "Who is asking?"),
    "forbidden": (403, "This token may not do that"),
    "bad_origin": (403, "This request comes from a page that may not ask"),
    "method_not_allowed": (405, "This address does not do that"),
    "too_large": (413, "This is too much at once"),
    "unsupported_media_type": (415, "This kind of content is not understood"),
    "too_many": (429, "Too many at once"),
    "precondition_failed": (412, "Somebody changed this in the meantime"),
    "starting": (503, "The hub is starting"),
    "disk_full": (507, "The hub's disk is full"),
    "internal": (500, "The hub made a mistake"),
}


@dataclass
class BoardError(Exception):
    """A use case cannot be carried out."""

    code: str
    detail: str
    hint: str = ""
    pointer: str = ""
    rule: str = ""
    most: int | None = None
    allowed: str = ""

    def __str__(self) -> str:
        where = f" ({self.pointer})" if self.pointer else ""
        return f"{self.detail}{where}"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return ERRORS[self.code][0]

    @property
    def title(self) -> str:
        """The kind of problem, for people."""
        return ERRORS[self.code][1]

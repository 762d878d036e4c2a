"""Whose fault is it? Every error of the protocol answers that first.

`LocalError` is our own bug and fails a test. `RemoteError` is somebody else's doing: it costs one link, one record or
one request, and nothing else. The idea is h11's (`h11/_util.py`).
"""


class HartigError(Exception):
    """The common ancestor; never raised itself."""


class LocalError(HartigError):
    """Our own code broke a promise: a bug."""


class RemoteError(HartigError):
    """What somebody sent is wrong.

    `code` is stable and short (for machines and tests); the message says what is wrong and where.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EncodingError(RemoteError):
    """Bytes that are not strict msgpack (SPEC, part E)."""


class RecordError(RemoteError):
    """A record that is malformed or not authentic (SPEC, parts R and K)."""


class MessageError(RemoteError):
    """A frame that is no message of this protocol; the link is closed (SPEC, part M)."""


class InviteError(RemoteError):
    """An invite that cannot be read or used."""

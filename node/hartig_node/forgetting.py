"""What an error holds on to: the frames that it came through, with all that they were about.

Where these frames know the error in turn (asyncio and aiohttp keep it in a local variable) that is a circle: it stays
until the collector looks, and with it a connection: with TLS 300 KiB, most of them bytes that the collector does not
count. Whoever has dealt with errors that strangers can cause at will lets go of them. Who calls: the doors.
"""

CAUSES_MAX = 8


def forget_frames(error: BaseException | None) -> None:
    """Let go of the frames of an error and of what it came from; it can still be told, but not where it was."""
    for _ in range(CAUSES_MAX):
        if error is None:
            return
        error.__traceback__ = None
        error = error.__cause__ or error.__context__

"""What the exit codes of `hartig` mean: for scripts, and for `hartig help exit-codes`."""

OK = 0
OUR_FAULT = 1
USAGE = 2
PARTLY = 3
UNREACHABLE = 4
REFUSED = 5
NOT_FOUND = 6
UNWELL = 7
SEALED = 8
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 and the number of SIGPIPE

MEANINGS = {
    OK: "done; for `doctor`: all is well",
    OUR_FAULT: "a mistake in hartig itself: please report it",
    USAGE: "the command line is not right; nothing was done",
    PARTLY: "done in part: some lines or ids were not right; for `doctor`: it works, but look at what it says",
    UNREACHABLE: "no hub answers: it is not running, or this user may not speak to it",
    REFUSED: "the hub refused, and said why",
    NOT_FOUND: "there is no such post, deal, invite, token or device",
    UNWELL: "`doctor` found something that keeps the hub from its work",
    SEALED: "a key is sealed, and its passphrase is missing or wrong",
    INTERRUPTED: "stopped by Ctrl-C",
    BROKEN_PIPE: "whoever read the output went away, as in `hartig list | head -1`",
}


def table() -> str:
    """Return the codes and their meanings as lines."""
    return "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items())

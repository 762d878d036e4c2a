"""From errors of the client to a message and an exit code."""

from hartig_node.cli import exits
from hartig_node.cli.output import Output
from hartig_node.cli.parsing import closest
from hartig_node.client.errors import (
    AnswerError,
    BusyError,
    ClientError,
    DeniedError,
    NotFoundError,
    ProblemError,
    UnreachableError,
)


def exit_code(error: ClientError) -> int:
    """Return the exit code that goes with an error."""
    if isinstance(error, NotFoundError):
        return exits.NOT_FOUND
    if isinstance(error, ProblemError):
        return exits.OUR_FAULT if error.status >= 500 and error.code != "disk_full" else exits.REFUSED
    if isinstance(error, UnreachableError | AnswerError):
        return exits.UNREACHABLE
    return exits.USAGE


def report(error: ClientError, output: Output) -> int:
    """Say what went wrong and what to do; return the exit code."""
    facts = error.as_json() if isinstance(error, ProblemError) else None
    output.error(message(error), hint(error), facts)
    return exit_code(error)


def message(error: ClientError) -> str:
    """Return the error in one sentence: the kind of problem, then what is wrong here."""
    if not isinstance(error, ProblemError):
        return error.detail
    if error.rule:
        from hartig_node.cli.rulewords import why_not

        return f"This cannot be done now: {why_not(error.rule, error.detail)}"
    if error.title in (error.detail, f"The hub answered with status {error.status}"):
        return error.detail  # nobody has named the kind of problem
    return f"{error.title}: {error.detail}"


def hint(error: ClientError) -> str:
    """Return what to do: what the node says, else what we can guess."""
    if isinstance(error, ProblemError) and error.pointer.endswith(("/category", "/unit")) and (guess := _guess(error)):
        return guess
    if error.hint:
        return error.hint
    if isinstance(error, DeniedError):
        return "`hartig token add` on the node's own machine makes a token; put it into HARTIG_TOKEN"
    if isinstance(error, BusyError):
        return "try again in a moment"
    return ""


def _guess(error: ProblemError) -> str:
    """Guess the code that was meant, from the one that the message quotes."""
    from hartig_protocol.records import categories, units

    is_category = error.pointer.endswith("/category")
    quoted = error.detail.split("'")
    if len(quoted) < 3:
        return ""
    codes = categories.all_codes() if is_category else units.all_codes()
    written = quoted[1].lower() if is_category else quoted[1].upper()
    last = [code for code in codes if code.rpartition(".")[2] == written.rpartition(".")[2]]
    near = last[0] if last else closest(written, codes)
    topic = "categories" if is_category else "units"
    return f"did you mean {near}? " * bool(near) + f"`hartig help {topic}` shows all"

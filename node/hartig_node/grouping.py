"""Commits that wait together become fewer: what each costs beside its rows is paid once.

In: the commits of the steps that wait, in order. Out: commits that say the same in the same order. A neighbour who
sends record by record makes a commit of every one; `engine` calls this before it hands them to the store.
"""

from collections.abc import Iterable

from hartig_protocol.events import Commit


def grouped(commits: Iterable[Commit]) -> list[Commit]:
    """Join neighbours in the order of their steps.

    Records may come and go within one commit: the store counts. Bodies may not: within one commit a body that goes
    goes last, so a commit in which a body comes or goes stays as it is.
    """
    out: list[Commit] = []
    joins = False  # whether the last of `out` is ours to add to
    for commit in commits:
        alone = bool(commit.bodies_added or commit.bodies_removed)
        if alone:
            out.append(commit)
        else:
            if not joins:
                out.append(Commit())
            _join(out[-1], commit)
        joins = not alone
    return out


def _join(into: Commit, commit: Commit) -> None:
    into.added += commit.added
    into.removed += commit.removed
    into.cursors += commit.cursors
    into.told += commit.told
    into.private += commit.private
    into.notices += commit.notices

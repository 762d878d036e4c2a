"""What belongs to one audit while it runs: jobs that end with it, our set, and its encoder (SPEC, part F).

`audit` and `repair` do all that takes long through `work`, so that neither a link that is gone nor a peer that asks
over and over leaves work behind.
"""

from collections.abc import Callable

from hartig_protocol.catalog.fingerprint import Snapshot
from hartig_protocol.catalog.jobs import Job
from hartig_protocol.sync.audit_run import Attempt
from hartig_protocol.sync.sketch import sketch_key
from hartig_protocol.sync.sketch_coding import Encoder
from hartig_protocol.sync.state import Session, Step, SyncState


class _WhileWanted:
    """A job that ends early when its audit is over, or its link (`attempt` None), so that nobody can pile up work."""

    def __init__(self, state: SyncState, session: Session, attempt: Attempt | None, job: Job) -> None:
        self._state, self._session, self._attempt, self._job = state, session, attempt, job

    @property
    def is_wanted(self) -> bool:
        is_open = self._state.sessions.get(self._session.link) is self._session
        return is_open and self._attempt in (None, self._session.audit.attempt)

    def step(self) -> bool:
        return not self.is_wanted or self._job.step()


def work(
    state: SyncState,
    session: Session,
    step: Step,
    attempt: Attempt,
    job: Job | None,
    then: Callable[[Step], None],
) -> None:
    """Do a job for an audit in slices, then the rest; neither if the audit or the link ends meanwhile."""
    if job is None:
        then(step)
        return
    attempt.working = True
    wanted = _WhileWanted(state, session, attempt, job)

    def ended(later: Step) -> None:
        if wanted.is_wanted:
            attempt.working, attempt.touched_ms = False, later.now.steady_ms
            then(later)

    state.start_job(step, wanted, ended)


def work_for_link(state: SyncState, session: Session, step: Step, job: Job, then: Callable[[Step], None]) -> None:
    """Do a job that an audit has left behind, then the rest; neither if the link ends meanwhile."""
    wanted = _WhileWanted(state, session, None, job)

    def ended(later: Step) -> None:
        if wanted.is_wanted:
            then(later)

    state.start_job(step, wanted, ended)


def snapshot_of(attempt: Attempt) -> Snapshot:
    """Return our set as of the hour of an audit that has begun."""
    assert attempt.snapshot is not None
    return attempt.snapshot


def encoder_of(session: Session, attempt: Attempt) -> Encoder:
    """Return the encoder of our set, with the key of this link."""
    if attempt.encoder is None:
        nonces = (session.nonce, session.peer_nonce)
        key = sketch_key(*(nonces if session.opened_by_us else reversed(nonces)))
        attempt.encoder = Encoder(snapshot_of(attempt).buckets, key)
    return attempt.encoder

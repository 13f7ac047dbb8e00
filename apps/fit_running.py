"""A fit as it runs: progress with cancel, on every page of its session, and its results for those pages when it has ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from expsim_bayes.amounts import duration
from expsim_bayes.apps import kept, shown
from expsim_bayes.apps.fit_form import problem
from expsim_bayes.apps.worker import AGREEMENT

if TYPE_CHECKING:
    from expsim_bayes.agreement import Agreement
    from expsim_bayes.apps.jobs import Job, Ticket
    from expsim_bayes.facts import Facts

RUNNING, DONE, OPENED = "fit_running", "fit_done", "fit_opened"
"""Where a session keeps its fit while it runs, its last one, and one that it opened from a file."""


class Done(NamedTuple):
    """A finished fit."""

    ticket: Ticket
    facts: Facts
    agreement: Agreement | str
    """Or why there is none."""

    @property
    def job(self) -> Job:
        """The fit itself."""
        return self.ticket.job


def collect() -> bool:
    """Take the results of a fit that has ended, and give them to the other pages of the session; whether there were any."""
    ticket: Ticket | None = st.session_state.get(RUNNING)
    if ticket is None or ticket.job.state != "done":
        return False
    from expsim_bayes.report import read_facts

    job = ticket.job
    facts = read_facts(job.results)
    st.session_state[DONE] = Done(ticket, facts, _agreement(job))
    del st.session_state[RUNNING]
    st.session_state.pop(OPENED, None)
    name = job.file.name
    told = kept.Lines(f"{job.question.command(name)}\nexpsim report fit --card card.png", job.question.python(name))
    kept.keep(kept.Result(f"The fit of {name}", facts, folder=job.results, code=told))
    return True


def waiting() -> None:
    """On pages that show something else: how far a fit of this session is, or that it came to nothing."""
    ticket: Ticket | None = st.session_state.get(RUNNING)
    if ticket is None:
        return
    name = ticket.job.file.name
    if not ticket.job.over:
        with st.container(border=True):
            st.text(f"The fit of {name} is still running. What it says comes up here by itself.")
            progress(ticket)
    elif ticket.job.state == "failed":
        st.text(f"The fit of {name} came to nothing.")
        ended(ticket)


def news() -> None:
    """On the opening page: a way to what a fit of this session says, or how far it is."""
    collect()
    waiting()
    done, last = latest(), kept.latest()
    if done is None or last is None or last.folder != done.job.results:
        return
    if st.button(shown.plain(f"{last.label} is done: see what it says"), icon=":material/gavel:", key="fit_news"):
        shown.go("decision")


def latest() -> Done | None:
    """The last finished fit of this session."""
    found = st.session_state.get(DONE)
    return found if isinstance(found, Done) else None


def _agreement(job: Job) -> Agreement | str:
    from pydantic import TypeAdapter

    from expsim_bayes.agreement import Agreement

    told = json.loads((job.results / AGREEMENT).read_text(encoding="utf-8"))
    return str(told["none"]) if isinstance(told, dict) else TypeAdapter(Agreement).validate_python(told)


@st.fragment(run_every=1.0)
def progress(ticket: Ticket) -> None:
    """How far a fit is, and a button to cancel it; the page is drawn anew when it ends."""
    job = ticket.job
    if job.over:
        st.rerun()
    st.progress(min(job.share, 1.0), text=shown.plain(_progress_words(ticket)))
    if st.button("Cancel", icon=":material/close:", key="fit_cancel"):
        ticket.cancel()
        st.rerun()


def _progress_words(ticket: Ticket) -> str:
    job = ticket.job
    if job.state == "waiting":
        ahead = ticket.ahead()
        return f"Waiting: {ahead} other fit{'s' if ahead != 1 else ''} come{'s' if ahead == 1 else ''} first."
    left = job.left()
    spent = _time(job.seconds())
    more = "" if left is None else f", roughly {_time(left)} more"
    return f"{job.words[:1].upper()}{job.words[1:]} ({spent} so far{more})."


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else duration(seconds / 86_400)


def ended(ticket: Ticket) -> None:
    """Why a fit has no result, in words."""
    job = ticket.job
    if job.state == "cancelled":
        st.info("The fit was cancelled. Change what you like, and fit again.", icon=":material/cancel:")
    elif job.trouble is not None:
        problem(job.trouble)

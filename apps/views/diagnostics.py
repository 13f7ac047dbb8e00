"""Whether a fit may be believed: the verdict first, and behind it what those who want it look at."""

from functools import partial

import streamlit as st

from expsim_bayes.apps import chain_handed, chain_shown, fit_form, fit_running, handed, shown
from expsim_bayes.apps.chain_handed import Handed
from expsim_bayes.apps.jobs import Job
from expsim_bayes.errors import ExpsimError
from expsim_bayes.fits import opened
from expsim_bayes.report.diagnosed_forms import name_of
from expsim_bayes.report.document import Length
from expsim_bayes.report.forms import Form

OPENED, OWN = fit_running.OPENED, "fit_own"
LATER = "Written when you ask for it, which takes a few seconds."
OTHERS = "For ArviZ, xarray and whatever else reads it; every group that there is."


def own() -> opened.Opened | None:
    """The last fit of this session, opened once."""
    done = fit_running.latest()
    if done is None:
        return None
    held = st.session_state.get(OWN)
    if held is None or held[0] is not done.job:
        held = st.session_state[OWN] = (done.job, opened.opened(done.job.results / handed.POSTERIOR))
    return held[1]._replace(name=f"The fit of {done.job.file.name}")


def another(*, only: bool) -> None:
    """A fit from a file."""
    given = st.file_uploader(
        "A fit: netCDF, or a zipped Zarr folder",
        type=["nc", "nc4", "h5", "netcdf", "zip"],
        max_upload_size=opened.LIMIT // 1_000_000,
        key="fit_to_open",
    )
    st.caption(
        "The posterior.nc that `expsim fit --out` writes, or draws of any other program by chain and draw. Nothing in it is ever run."
    )
    if given is not None:
        token = (given.name, given.size, given.file_id)
        if st.session_state.get("fit_opened_token") != token:
            st.session_state["fit_opened_token"] = token
            try:
                with st.spinner("Opening the fit"):
                    st.session_state[OPENED] = chain_shown.uploaded(given.name, given.getvalue())
            except ExpsimError as error:
                st.session_state[OPENED] = error
            st.rerun()
    if only and st.button("Analyse ratings instead", icon=":material/upload_file:", key="fit_to_analyse"):
        shown.go("analyse")


def take_away(found: opened.Opened, job: Job | None) -> None:
    """The report, its tables and the fit itself."""
    whole = None if job is None else job.results / handed.POSTERIOR
    files: Handed = chain_shown.once("handed", found, lambda: Handed(found, whole))
    st.markdown("**Take it with you**")
    with st.container(horizontal=True):
        for label, form, length, icon in handed.REPORTS:
            shown.offered(
                label, name_of(form, length), handed.MEDIA[form], partial(report, files, form, length), icon, tip=LATER
            )
        shown.offered(
            "Tables (CSV)",
            chain_handed.TABLES,
            "application/zip",
            lambda: files.tables().content,
            ":material/table:",
            tip=LATER,
        )
        for label, name, mime in (
            ("Fit (netCDF)", chain_handed.NETCDF, "application/x-netcdf"),
            ("Fit (zipped Zarr)", chain_handed.ZARR, "application/zip"),
        ):
            shown.offered(label, name, mime, partial(fit_file, files, name), ":material/dataset:", tip=OTHERS)


def report(files: Handed, form: Form, length: Length) -> bytes:
    """A report as the bytes of a file."""
    return files.report(form, length).content


def fit_file(files: Handed, name: str) -> bytes:
    """The fit as the bytes of a file."""
    return files.fit(name).content


def code(found: opened.Opened, job: Job | None) -> None:
    """Show me the code."""
    with st.expander("Show me the code", icon=":material/code:"):
        if job is None:
            st.caption(
                "The command line says the same of the file, and writes the report and its tables into a folder."
            )
            st.code(chain_handed.of_file(found.name), language="bash", wrap_lines=True)
        else:
            st.caption("The command line fits the ratings, says the same of the fit, and writes it for other programs.")
            st.code(chain_handed.of_ratings(job.question, job.file.name), language="bash", wrap_lines=True)
        st.caption(
            "The same from Python"
            + ("." if job is None else ", of the posterior.nc that the command or this page gives.")
        )
        st.code(chain_handed.python(found.name if job is None else handed.POSTERIOR), language="python")
        st.caption("A fit is a file, which no link can carry: hand it on with the button above, and it opens here.")


st.title("Diagnostics", anchor=False)
fit_running.collect()
fit_running.waiting()
found = st.session_state.get(OPENED)
if isinstance(found, ExpsimError):
    fit_form.problem(found)
    found = None
mine = found is None
if mine:
    with shown.trouble():
        found = own()
if found is None:
    st.markdown("Open a fit to see whether it may be believed: fit ratings on the page Analyse, or open a file here.")
    another(only=True)
else:
    st.text(found.name)
    with shown.trouble():
        made = fit_running.latest() if mine else None
        job = None if made is None else made.job
        chain_shown.everything(found, here=job is not None)
        take_away(found, job)
        code(found, job)
    with st.expander("Open another fit", icon=":material/folder_open:"):
        another(only=False)
        own_waits = OPENED in st.session_state and fit_running.latest() is not None
        if own_waits and st.button("Back to the last fit of this session", key="fit_back"):
            del st.session_state[OPENED]
            st.rerun()

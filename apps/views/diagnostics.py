"""Whether a fit may be believed: the verdict first, and behind it what those who want it look at."""

import streamlit as st

from expsim_bayes.apps import chain_shown, fit_form, fit_shown, shown
from expsim_bayes.errors import ExpsimError
from expsim_bayes.fits import opened

OPENED, OWN = fit_shown.OPENED, "fit_own"


def own() -> opened.Opened | None:
    """The last fit of this session, opened once."""
    done = fit_shown.latest()
    if done is None:
        return None
    held = st.session_state.get(OWN)
    if held is None or held[0] is not done.job:
        held = st.session_state[OWN] = (done.job, opened.opened(done.job.results / fit_shown.POSTERIOR))
    return held[1]._replace(name=f"The fit of {done.job.file.name}")


def another(*, only: bool) -> None:
    """A fit from a file."""
    given = st.file_uploader(
        f"A fit: netCDF, or a zipped Zarr folder, up to {opened.LIMIT // 1_000_000} MB",
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


st.title("Diagnostics", anchor=False)
fit_shown.collect()
fit_shown.waiting()
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
        made = fit_shown.latest() if mine else None
        chain_shown.everything(found, None if made is None else made.job)
    with st.expander("Open another fit", icon=":material/folder_open:"):
        another(only=False)
        own_waits = OPENED in st.session_state and fit_shown.latest() is not None
        if own_waits and st.button("Back to the last fit of this session", key="fit_back"):
            del st.session_state[OPENED]
            st.rerun()

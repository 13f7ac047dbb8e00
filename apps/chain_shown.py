"""A fit's diagnostics on a page: the verdict with its reasons, then everything that stands behind it, folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from expsim_bayes.amounts import count, listed
from expsim_bayes.apps import (
    chain_pictures,
    fit_form,
    fit_predicted,
    fit_tables,
    shown,
    uploads,
)
from expsim_bayes.apps.labels import on_page
from expsim_bayes.diagnosis import chains, checks, words
from expsim_bayes.errors import ExpsimError
from expsim_bayes.fits import opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from expsim_bayes.diagnostics import Verdict
    from expsim_bayes.fits.opened import Opened
    from expsim_bayes.model_comparison import Scored
    from expsim_bayes.predictive import PredictiveCheck
    from expsim_bayes.sensitivity import Hangs, Sensitivity

SAID = {"ok": st.success, "caution": st.warning, "refuse": st.error}
ICONS = {"ok": ":material/check_circle:", "caution": ":material/warning:", "refuse": ":material/block:"}


def everything(found: Opened, *, here: bool) -> None:
    """All that is told of a fit; `here` where this session made it."""
    verdict: Verdict = once("verdict", found, lambda: checks.verdict(found.tree))
    checked: tuple[PredictiveCheck, ...] | ExpsimError = once("checked", found, lambda: _checked(found))
    _verdict(verdict, found, here=here)
    _missed(checked, verdict)
    _figures(verdict, found)
    with st.expander("Do the chains see the same? Traces and ranks", icon=":material/show_chart:"):
        _chains(verdict, found)
    with st.expander("Does the sampler move freely? Energy", icon=":material/bolt:"):
        _energy(found)
    with st.expander("Every number: R-hat and effective sample size", icon=":material/table:"):
        _table(verdict, found)
    with st.expander("Does the model reproduce the data? Predictive checks", icon=":material/fact_check:"):
        _predictive(checked)
    with st.expander("What does the answer hang on? Priors and ratings", icon=":material/balance:"):
        _sensitivity(found)
    with st.expander("How well are left-out ratings predicted? LOO", icon=":material/target:"):
        _left_out(found)
    about = checks.about(found.tree)
    if about:
        with st.expander("Where this fit comes from", icon=":material/info:"):
            for what, text in about:
                st.text(f"{what}: {text}")


def _checked(found: Opened) -> tuple[PredictiveCheck, ...] | ExpsimError:
    """Predictive checks, or why there are none."""
    try:
        return checks.predictions(found.tree)
    except ExpsimError as error:
        return error


def _missed(checked: tuple[PredictiveCheck, ...] | ExpsimError, verdict: Verdict) -> None:
    """Draws that may be believed are not yet a model that fits."""
    if isinstance(checked, ExpsimError) or verdict.level == "refuse":
        return
    missed = sum(not check.reproduced for check in checked)
    if missed:
        st.warning(
            f"This is said of the draws. The model itself misses {count(missed)} of {count(len(checked))} features of the data: see the "
            "predictive checks.",
            icon=":material/fact_check:",
        )


def _predictive(checked: tuple[PredictiveCheck, ...] | ExpsimError) -> None:
    st.caption(
        "Data are made up from the fitted model: where they do not look like yours, its probabilities are approximate."
    )
    if isinstance(checked, ExpsimError):
        fit_form.problem(checked)
    elif not checked:
        st.info(
            "This fit holds no predictions of what was observed (groups posterior_predictive and observed_data), so its model was "
            "not checked."
        )
    else:
        shown.picture(
            fit_predicted.features(checked, theme=shown.theme(), ci_prob=checked[0].ci_prob), key="chain_features"
        )
        st.dataframe(fit_tables.checks(checked), hide_index=True, alt="What was observed beside what is predicted.")


def _verdict(verdict: Verdict, found: Opened, *, here: bool) -> None:
    """The verdict; a fit that was made `here` is mended on this page's neighbour, so its remedies speak of widgets."""
    reasons = verdict.reasons or (words.passed(verdict),)
    reasons = tuple(on_page(reason) for reason in reasons) if here else reasons
    told = "\n".join(f"- {shown.plain(reason)}" for reason in reasons)
    SAID[verdict.level](f"**{words.HEADLINES[verdict.level]}**\n\n{told}", icon=ICONS[verdict.level])
    for note in found.notes:
        st.caption(shown.plain(note))


def _figures(verdict: Verdict, found: Opened) -> None:
    """The numbers that the verdict rests on."""
    draws = ("Draws", f"{verdict.chains} × {verdict.draws:,}", "Chains, and draws of each that are kept.")
    worth = (
        "Fewest independent draws",
        _number(verdict.worst_ess, ",.0f"),
        "Smallest effective sample size (ESS): 400 or more are asked for where a sampler was used.",
    )
    rows = [draws, worth, *(_of_points(verdict) if verdict.points else _of_sampler(verdict, found))]
    with st.container(horizontal=True):
        for label, value, meaning in rows:
            st.metric(label, value, help=meaning, border=True)


def _of_points(verdict: Verdict) -> list[tuple[str, str, str]]:
    """What counts where no sampler was used."""
    shape = "not needed" if verdict.k_hat is None else f"{verdict.k_hat:.2f}"
    return [
        ("Weighted points", count(verdict.points), "Points over which standard deviations were averaged."),
        ("Pareto k-hat", shape, f"Whether a few of them weigh too much: up to {verdict.good_k:.2f} is good."),
    ]


def _of_sampler(verdict: Verdict, found: Opened) -> list[tuple[str, str, str]]:
    """What counts where a sampler was used."""
    stats = found.tree["sample_stats"].data_vars if "sample_stats" in found.tree.children else {}
    diverged = count(verdict.divergences) if "diverging" in stats else "not told"
    return [
        ("Worst R-hat", _number(verdict.worst_r_hat, ".3f"), "Whether chains agree: 1 is perfect, up to 1.01 is good."),
        ("Diverged", diverged, "Draws where the sampler could not follow the posterior: none is good."),
        (
            "BFMI",
            _number(verdict.bfmi, ".2f"),
            "Whether the sampler moves between middle and tails: .3 or more is good.",
        ),
    ]


def _number(value: float, form: str) -> str:
    return format(value, form) if np.isfinite(value) else "not told"


@st.fragment
def _chains(verdict: Verdict, found: Opened) -> None:
    names = chains.numbers(found.tree, verdict)
    if not names:
        st.info("There is no number to draw.")
        return
    label, called = "Number (the one on which chains agree least comes first)", checks.called(found.tree)
    name = st.selectbox(label, names, key="chain_number", format_func=called)
    drawn = chains.draws(found.tree, name)
    st.caption("Trace: every chain from its first draw to its last.")
    shown.picture(chain_pictures.trace(drawn, theme=shown.theme()), key="chain_trace")
    st.caption("Ranks: how often each chain has the lowest, middling and highest of all draws.")
    shown.picture(chain_pictures.ranks(drawn, theme=shown.theme()), key="chain_ranks")


def _energy(found: Opened) -> None:
    st.caption(
        "A sampler that moves too little in energy explores the tails too slowly: the two shapes should be about as wide."
    )
    values = chains.energy(found.tree)
    if values is None:
        st.info("This fit holds no energy: no sampler was used, or the file does not tell.")
    else:
        shown.picture(chain_pictures.energies(values, theme=shown.theme()), key="chain_energy")


def _table(verdict: Verdict, found: Opened) -> None:
    st.caption(
        "R-hat tells whether chains agree (up to 1.01 is good); ESS is how many independent draws a number is worth, in its middle (bulk) "
        "and at its ends (tail), 400 or more."
    )
    forms = {"R-hat": "%.3f", "ESS (bulk)": "%.0f", "ESS (tail)": "%.0f"}
    st.dataframe(
        fit_tables.convergence(verdict.quantities, checks.called(found.tree)),
        hide_index=True,
        column_config={name: st.column_config.NumberColumn(format=form) for name, form in forms.items()},
        alt="R-hat and effective sample sizes of every number.",
    )


def _sensitivity(found: Opened) -> None:
    if "quality" not in found.tree["posterior"].data_vars:
        _answers_to_priors(found)
        return
    st.caption(
        "Each prior is made half and twice as strong, without fitting again: an answer that moves rests on that prior."
    )
    told: Sensitivity | None = _asked("sensitivity", "Work it out", found, lambda: checks.sensitivity(found.tree))
    if told is None:
        return
    for sentence in told.sentences:
        st.text(f"• {sentence.removeprefix('warning: ')}")
    st.dataframe(
        fit_tables.strengths(told), hide_index=True, alt="The answer with each prior half and twice as strong."
    )


def _answers_to_priors(found: Opened) -> None:
    """Of a fit that does not say what a decision hangs on: how far its numbers answer to their priors."""
    st.caption(
        "How far each number moves where priors, or the data, are told a little more strongly: .05 counts. A number that answers to "
        "its prior and not to the data rests on that prior."
    )
    lacking = [name for name in ("log_prior", "log_likelihood") if name not in found.tree.children]
    if lacking:
        st.info(f"This fit holds no {listed(lacking)}, so it cannot be told what hangs on the priors.")
        return
    told: tuple[Hangs, ...] | None = _asked("hangs", "Work it out", found, lambda: checks.power_scaling(found.tree))
    if told is not None:
        table = fit_tables.answers(told, checks.called(found.tree))
        st.dataframe(table, hide_index=True, alt="How far each number answers to priors and data.")


def _left_out(found: Opened) -> None:
    st.caption(
        "Each rating in turn is predicted from all others (leave-one-out, Pareto smoothed). It serves to compare models of the same "
        "ratings; by itself the number says little."
    )
    told: Scored | None = _asked("left_out", "Work it out", found, lambda: checks.left_out(found.name, found.tree))
    if told is None:
        return
    st.text(
        f"Log predictive density {told.elpd:,.1f} ± {told.se:,.1f}, {told.p:,.1f} effective parameters. {told.caution}"
    )
    other = st.file_uploader(
        "Another fit of the same ratings, to compare",
        type=["nc", "nc4", "h5", "zip"],
        max_upload_size=opened.LIMIT // 1_000_000,
        key="chain_other",
    )
    if other is not None:
        with shown.trouble():
            _comparison(found, uploaded(other.name, other.getvalue()))


def _comparison(found: Opened, other: Opened) -> None:
    second = other.name if other.name != found.name else f"{other.name} (the other)"
    told = checks.compared({found.name: found.tree, second: other.tree})
    for sentence in told.sentences:
        st.text(f"• {sentence.removeprefix('warning: ')}")
    st.dataframe(fit_tables.scored(told), hide_index=True, alt="Fits by how well they predict.")


def uploaded(name: str, content: bytes) -> Opened:
    """A fit that was uploaded; its file is gone once it is read.

    Raises
    ------
    SettingError
        It cannot be opened.
    """
    folder = uploads.Folder()
    path = folder.path / uploads.safe_name(name)
    path.write_bytes(content)
    try:
        return opened.opened(path)
    finally:
        folder.remove()


def _asked(name: str, label: str, found: Opened, make: Callable[[], Any]) -> Any:
    """What takes a while is worked out where a button asks for it, and then kept; None before."""
    held = st.session_state.get(f"chain_{name}")
    if held is None or held[0] is not found.tree:
        place = st.empty()
        if not place.button(label, key=f"chain_ask_{name}"):
            return None
        place.empty()
        try:
            with st.spinner("Working it out"):
                held = (found.tree, make())
        except ExpsimError as error:
            held = (found.tree, error)
        st.session_state[f"chain_{name}"] = held
    if isinstance(held[1], ExpsimError):
        fit_form.problem(held[1])
        return None
    return held[1]


def once(name: str, found: Opened, make: Callable[[], Any]) -> Any:
    """What is worked out once a fit."""
    held = st.session_state.get(f"chain_{name}")
    if held is None or held[0] is not found.tree:
        held = st.session_state[f"chain_{name}"] = (found.tree, make())
    return held[1]

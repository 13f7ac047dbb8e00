"""A fit as it ended: the verdict, the decision and everything behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from expsim_bayes.apps import fit_pictures, fit_predicted, fit_tables, shown
from expsim_bayes.apps.handed import POSTERIOR
from expsim_bayes.apps.labels import on_page
from expsim_bayes.errors import ExpsimError
from expsim_bayes.sentences import against_plain_means

if TYPE_CHECKING:
    from expsim_bayes.apps.fit_running import Done
    from expsim_bayes.apps.marks import Picture
    from expsim_bayes.apps.uploads import File
    from expsim_bayes.facts import Facts, FitFacts

NO_SAMPLER = "No sampler was needed: the answer was worked out directly."
ALL_ROWS = 30
"""Variants up to which a table shows all its rows at once."""


def result(found: Done) -> None:
    """Verdict, decision, and what is behind it."""
    facts = found.facts
    known = facts.fit
    assert known is not None
    verdict(known)
    if known.verdict != "refuse":  # whose reasons are all that there is to say
        shown.decision(facts)
    row = st.container(horizontal=True)
    if row.button("See the recommendation", type="primary", icon=":material/gavel:", key="fit_to_decision"):
        shown.go("decision")
    if row.button("Look at the diagnostics", icon=":material/troubleshoot:", key="fit_to_diagnostics"):
        shown.go("diagnostics")
    if known.verdict != "refuse":
        _parts(found)
    code(found)


def verdict(known: FitFacts) -> None:
    """Whether the fit may be believed."""
    reasons = shown.plain(on_page(" ".join(known.verdict_reasons)))
    if known.verdict == "ok":
        st.success(
            NO_SAMPLER if not known.sampled else f"The sampler converged. {reasons}", icon=":material/check_circle:"
        )
    elif known.verdict == "caution":
        st.warning(f"Take the probabilities with caution. {reasons}", icon=":material/warning:")
    else:
        st.error(f"The fit is not to be trusted, so no probability is shown. {reasons}", icon=":material/block:")
    missed = sum(not feature.reproduced for feature in known.compared)
    if missed and known.verdict != "refuse":
        st.warning(
            f"The model misses {missed} of {len(known.compared)} features of these ratings, so take probabilities as approximate: see "
            "“Does it fit?” below.",
            icon=":material/fact_check:",
        )


def _parts(found: Done) -> None:
    """Everything behind the decision, a tab a question."""
    facts = found.facts
    variants, people, judges, agreement, checks, assumed = st.tabs(
        ["Variants", "People", "Judges", "Agreement", "Does it fit?", "What is assumed"]
    )
    with variants:
        _variants(facts)
    with people:
        _people(facts)
    with judges:
        _judges(facts)
    with agreement:
        _agreements(found)
    with checks:
        _checks(found)
    with assumed:
        _assumed(facts)


def _variants(facts: Facts) -> None:
    if not facts.variants:
        st.info(
            "No variants are named in these ratings, so nothing is compared. What they tell of raters stands beside this."
        )
        return
    shown.picture(fit_pictures.qualities(facts, theme=shown.theme()), key="fit_qualities")
    st.dataframe(
        fit_tables.variants(facts),
        hide_index=True,
        height="content" if len(facts.variants) <= ALL_ROWS else "auto",
        alt="Variants with quality, difference and probability of being best.",
    )
    means = against_plain_means(facts)
    if means:
        st.markdown(f"**Against plain means** {shown.plain(means)}")


def _people(facts: Facts) -> None:
    known = facts.fit
    assert known is not None
    drawn = fit_pictures.severities(facts, theme=shown.theme())
    if drawn is None:
        st.info(
            "Whoever compares outputs cannot be severe: being strict with both changes nothing, so no severity is told. How far people "
            "agree stands under “Agreement”."
            if facts.model in ("preference", "ranking")
            else "No severity is told: nobody rated under a name of their own, or this model has none."
        )
    else:
        st.caption(
            "How far each person scores above or below the others for the same outputs; it is taken out of the qualities."
        )
        shown.picture(drawn, key="fit_severities")
        st.dataframe(fit_tables.people(facts), hide_index=True, alt="Raters with their severity.")


def _judges(facts: Facts) -> None:
    known = facts.fit
    assert known is not None
    taste, use = fit_pictures.tastes(facts, theme=shown.theme()), fit_pictures.scale_use(facts, theme=shown.theme())
    if taste is None and use is None and not known.measures:
        st.info("No LLM judge or metric rated beside people, so there is no judge to compare with them.")
    if taste is not None:
        st.markdown("**Tastes: what a judge adds to a variant as such**")
        shown.picture(taste, key="fit_tastes")
    if use is not None:
        st.markdown("**Use of the scale: how strongly a judge follows what people see**")
        shown.picture(use, key="fit_scale_use")
    for measure in known.measures:
        with st.expander(shown.plain(f"{measure.title[:1].upper()}{measure.title[1:]}")):
            st.dataframe(fit_tables.measure(measure), hide_index=True)


def _agreements(found: Done) -> None:
    told = found.agreement
    if isinstance(told, str):
        st.info(shown.plain(f"{told[:1].upper()}{told[1:]}."))
        return
    st.caption(
        "Without a model. Alpha and kappa are 1 where raters always agree and 0 where they agree as often as by chance."
    )
    tables = [
        ("Raters of a kind among themselves", fit_tables.alphas(told)),
        ("Judges against people", fit_tables.pairs(told, [*told.against_people, *told.against_majority])),
        ("Raters with each other", fit_tables.pairs(told, told.pairs)),
    ]
    for title, table in tables:
        if len(table):
            st.markdown(f"**{title}**")
            st.dataframe(table, hide_index=True, alt=f"{title}: agreement of raters.")
    for note in told.notes:
        st.caption(shown.plain(note))


def _checks(found: Done) -> None:
    """What the fitted model would make, beside what there is."""
    facts = found.facts
    known = facts.fit
    assert known is not None
    st.caption(
        "Ratings are made up from the fitted model: where they do not look like yours, intervals and probabilities are approximate."
    )
    if facts.model == "continuous":
        with shown.trouble():
            shown.picture(_predicted(found), key="fit_predicted")
    if known.compared:
        shown.picture(
            fit_predicted.features(known.compared, theme=shown.theme(), ci_prob=facts.ci_prob), key="fit_features"
        )
    with st.expander("The same in words", icon=":material/notes:"):
        for check in known.telling_checks():
            st.text(f"• {check}")


def _predicted(found: Done) -> Picture:
    """The predictive check of scores; kept in the session, since it reads many draws."""
    place = "fit_shares"
    if st.session_state.get(place, (None,))[0] is not found.job:
        import xarray as xr

        from expsim_bayes.plots import predicted_shares

        try:
            with xr.open_datatree(found.job.results / POSTERIOR, engine="h5netcdf") as tree:
                observed = tree["observed_data"]["score"].to_numpy()
                drawn = tree["posterior_predictive"]["score"].to_numpy()
        except (OSError, KeyError) as error:
            raise ExpsimError("the predictions can no longer be read", remedy="fit again") from error
        shares = predicted_shares(observed, drawn.reshape(-1, drawn.shape[-1]), ci_prob=found.facts.ci_prob)
        st.session_state[place] = (found.job, shares)
    return fit_predicted.predicted(st.session_state[place][1], theme=shown.theme())


def _assumed(facts: Facts) -> None:
    known = facts.fit
    assert known is not None
    why = f", because {facts.why_model}" if facts.why_model else ""
    st.markdown(f"**Model** {shown.plain(facts.model + why)}")
    for told in known.terms:
        st.text(f"• {told}")
    if known.priors:
        st.caption("What was believed before any rating was seen.")
        st.dataframe(
            fit_tables.priors(facts), hide_index=True, alt="Priors: what was believed of each number, and who chose it."
        )
    if known.spreads:
        st.dataframe(fit_tables.spreads(facts), hide_index=True, alt="Standard deviations: what varies, and how much.")


def travels(file: File) -> str:
    """What the page's address carries to somebody else."""
    if file.sample:
        return "The address of this page is a link to this sample as you set it up."
    return (
        "The address of this page is a link to these settings. The file itself cannot travel in a link: whoever opens it chooses the "
        "same file here, and finds the settings."
    )


def code(found: Done) -> None:
    """Show me the code."""
    job = found.job
    with st.expander("Show me the code", icon=":material/code:"):
        st.caption("The command line gives the same numbers, and writes posterior, report and figures into a folder.")
        st.code(job.question.command(job.file.name), language="bash", wrap_lines=True)
        st.caption("The same from Python.")
        st.code(job.question.python(job.file.name), language="python", wrap_lines=True)
        st.caption(travels(job.file))
        if job.file.sample:
            st.download_button(
                "Download the sample file", job.file.path.read_bytes, job.file.name, "text/csv", key="fit_sample_file"
            )

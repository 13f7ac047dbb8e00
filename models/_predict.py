"""Prior draws and predictions of the score story in NumPy, vectorised over draws; the tests hold them against `build_model`."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from expsim_bayes.models._priors import Priors, Scale
from expsim_bayes.models._recover import ComponentDraws, Effects, Floats, Nested, voices_see
from expsim_bayes.models._statistics import Statistics
from expsim_bayes.models._terms import Components, Terms
from expsim_bayes.ratings import Coded


def rating_means(effects: Effects, nested: Nested, sd: ComponentDraws, *, sums: Statistics) -> Floats:
    """(D, R) what each rating would be without its noise, in points."""
    of_unit = sums.class_evaluator[sums.unit_class]
    means = voices_see(effects, sd, sums)[:, sums.unit_place]
    means += sd.scale_use[:, of_unit] * _worth(nested, sums)
    if nested.opinion is not None:
        means += nested.opinion
    return means[:, sums.rating_unit]


def _worth(nested: Nested, sums: Statistics) -> Floats:
    """(D, units) item, interaction and output added up."""
    by_name = {"sd_item": nested.item, "sd_interaction": nested.interaction, "sd_output": nested.output}
    total: Floats = np.zeros((1, sums.unit_group.size))
    group = sums.unit_group
    for level in sums.levels:
        effect = by_name[level.component]
        assert effect is not None
        total = total + effect[:, group]
        group = level.parent[group] if level.parent.size else group
    return total


def predictions(means: Floats, sd: ComponentDraws, data: Coded, rng: np.random.Generator) -> Floats:
    """(D, R) scores of the same ratings made anew, with the same effects and new noise."""
    return means + sd.sd_noise[:, data.evaluator] * rng.standard_normal(means.shape)


def log_likelihoods(means: Floats, sd: ComponentDraws, data: Coded) -> Floats:
    """(D, R) log density of each rating given all effects."""
    noise = sd.sd_noise[:, data.evaluator]
    density: Floats = -0.5 * ((data.score - means) / noise) ** 2 - np.log(noise) - 0.5 * np.log(2 * np.pi)
    return density


def prior_components(
    draws: int,
    *,
    data: Coded,
    present: Terms,
    priors: Priors,
    scale: Scale,
    fixed: Components | None,
    rng: np.random.Generator,
) -> ComponentDraws:
    """Components drawn from their priors, with a leading axis of draws; zero where a term is absent."""
    if fixed is not None:
        return ComponentDraws.repeat(fixed, draws)
    count = len(data.evaluators)

    def half_normal(sd: float, *, has: bool) -> Floats:
        return np.abs(rng.standard_normal(draws)) * sd * scale.width * has

    def half_normals(sd: float, has: tuple[bool, ...]) -> Floats:
        drawn: Floats = np.abs(rng.standard_normal((draws, count))) * sd * scale.width * np.array(has)
        return drawn

    # A half-normal cut off below, by its quantile function.
    below = ndtr(priors.least_noise / priors.sd_noise)
    noise = priors.sd_noise * scale.width * ndtri(below + (1 - below) * rng.random((draws, count)))
    return ComponentDraws(
        sd_item=half_normal(priors.sd_item, has=present.item),
        sd_interaction=half_normal(priors.sd_interaction, has=present.interaction),
        sd_output=half_normal(priors.sd_output, has=present.output),
        sd_shift=half_normal(priors.sd_shift, has=any(present.shift)),
        sd_rater=half_normals(priors.sd_rater, present.severity),
        sd_taste=half_normals(priors.sd_taste, present.taste),
        sd_opinion=half_normals(priors.sd_opinion, present.opinion),
        sd_noise=noise,
        scale_use=np.exp(rng.standard_normal((draws, count)) * priors.log_scale_use_sd * np.array(present.scale_use)),
    )


def prior_effects(
    sd: ComponentDraws, *, data: Coded, present: Terms, priors: Priors, scale: Scale, rng: np.random.Generator
) -> Effects:
    """Levels, qualities, severities, shifts and tastes drawn from their priors."""
    draws, evaluators = sd.sd_noise.shape
    of = data.rater_evaluator
    shape = (draws, evaluators, len(data.variants))
    return Effects(
        level=scale.middle + priors.level_sd * scale.width * rng.standard_normal(shape[:2]),
        q=priors.sd_variant * scale.width * rng.standard_normal((draws, shape[2])),
        severity=sd.sd_rater[:, of] * rng.standard_normal((draws, of.size)),
        shift=(np.array(present.shift) * sd.sd_shift[:, None])[:, :, None] * rng.standard_normal(shape),
        taste=sd.sd_taste[:, of, None] * rng.standard_normal((draws, of.size, shape[2])),
    )


def prior_nested(sd: ComponentDraws, *, sums: Statistics, present: Terms, rng: np.random.Generator) -> Nested:
    """Items, interactions, outputs and opinions drawn from their priors."""
    draws = len(sd.sd_noise)
    sizes = {level.component: level.size for level in sums.levels}

    def normal(component: str) -> Floats | None:
        if component not in sizes:
            return None
        return sd.level(component) * rng.standard_normal((draws, sizes[component]))

    opinion = None
    if any(present.opinion):
        of_unit = sums.class_evaluator[sums.unit_class]
        opinion = sd.sd_opinion[:, of_unit] * rng.standard_normal((draws, of_unit.size))
    return Nested(normal("sd_item"), normal("sd_interaction"), normal("sd_output"), opinion)

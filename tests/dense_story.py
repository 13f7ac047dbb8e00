"""The score story as one dense multivariate normal, written term by term from the story alone: an exact twin for every way to fit it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import linalg
from scipy.stats import multivariate_normal

from expsim_bayes.models.continuous import Components, Priors
from expsim_bayes.ratings import Ratings, code, validate

RANGE = (1.0, 5.0)
NUMBERS = Components(
    sd_item=0.5, sd_interaction=0.4, sd_output=0.3, sd_shift=0.35, sd_rater=np.array([0.0, 0.6, 0.0]),
    sd_taste=np.array([0.0, 0.25, 0.0]), sd_opinion=np.array([0.2, 0.45, 0.0]), sd_noise=np.array([0.5, 0.8, 0.6]),
    scale_use=np.array([1.3, 1.0, 0.7]),
)  # fmt: skip


def design(name: str) -> Ratings:
    """A small design with three evaluators: judge "a", people "human" and judge "z" where the design has them."""
    rng = np.random.default_rng(5)
    raters = (("a", "llm", "a"), *(("human", "human", f"p{n}") for n in (1, 2, 3)), ("z", "llm", "z"))
    generations = 2 if name in ("full", "holes") else 1
    repeats = 2 if name in ("full", "holes", "repeats") else 1
    rows = [
        (variant, f"i{item}", f"{variant}{item}{generation}", *rater, str(repeat), rng.normal(3, 0.7))
        for item in range(5)
        for variant in ("A", "B", "C")
        for generation in range(generations)
        for rater in raters
        for repeat in range(1 if rater[0] == "z" else repeats)
    ]
    columns = ["variant", "item", "output", "evaluator", "kind", "rater", "repeat", "score"]
    frame = pd.DataFrame(rows, columns=columns)
    if name == "holes":
        frame = frame[rng.random(len(frame)) < 0.6]
    if name == "judges":
        frame = frame[frame.kind == "llm"]
    if name == "one judge":
        frame = frame[frame.evaluator == "z"]
    if name == "people":
        frame = frame[frame.kind == "human"]
    return validate(frame, score_range=RANGE)


def given(ratings: Ratings) -> Components:
    """Known components for the evaluators of a design."""
    index = [("a", "human", "z").index(name) for name in code(ratings).evaluators]
    return Components._make(value[index] if isinstance(value, np.ndarray) else value for value in NUMBERS)


DESIGNS = ("full", "holes", "repeats", "judges", "one judge", "people")


class Dense:
    """The story as one big linear Gaussian model, term by term: loadings of every effect on every rating, and variances."""

    def __init__(self, ratings: Ratings, sd: Components, priors: Priors) -> None:
        self.data = data = code(ratings)
        width = RANGE[1] - RANGE[0]
        reference = data.reference if data.reference >= 0 else int(np.argmax(np.bincount(data.evaluator)))
        self.names: list[tuple[object, ...]] = []
        self.variance: list[float] = []
        columns = []
        lam = sd.scale_use[data.evaluator]

        def add(name: tuple[object, ...], hit: np.ndarray, variance: float) -> None:
            self.names.append(name)
            self.variance.append(variance)
            columns.append(hit)

        for k in range(len(data.evaluators)):
            add(("m", k), (data.evaluator == k) * 1.0, (priors.level_sd * width) ** 2)
        for v in range(len(data.variants)):
            add(("q", v), (data.variant == v) * lam, (priors.sd_variant * width) ** 2)
            for k, kind in enumerate(data.kinds):
                if k != data.reference and kind != "human":
                    add(("d", k, v), (data.evaluator == k) * (data.variant == v) * 1.0, sd.sd_shift**2)
        for r, k in enumerate(data.rater_evaluator):
            add(("b", r), (data.rater == r) * 1.0, sd.sd_rater[k] ** 2)
            for v in range(len(data.variants)):
                add(("t", r, v), (data.rater == r) * (data.variant == v) * 1.0, sd.sd_taste[k] ** 2)
            for o in range(len(data.outputs)):
                add(("a", r, o), (data.rater == r) * (data.output == o) * 1.0, sd.sd_opinion[k] ** 2)
        for i in range(len(data.items)):
            add(("u", i), (data.item == i) * lam, sd.sd_item**2)
            for v in range(len(data.variants)):
                add(("g", i, v), (data.item == i) * (data.variant == v) * lam, sd.sd_interaction**2)
        for o in range(len(data.outputs)):
            add(("w", o), (data.output == o) * lam, sd.sd_output**2)
        self.loading = np.stack(columns, axis=1)
        self.prior = np.array(self.variance)
        self.noise = sd.sd_noise[data.evaluator] ** 2
        self.mean = np.full(data.score.size, sum(RANGE) / 2)
        self.reference = reference

    def log_density(self) -> float:
        covariance = (self.loading * self.prior) @ self.loading.T + np.diag(self.noise)
        return float(multivariate_normal(self.mean, covariance).logpdf(self.data.score))

    def posterior(self, keep: list[tuple[object, ...]]) -> tuple[np.ndarray, np.ndarray]:
        """Mean (levels as deviations from the middle) and covariance of some effects."""
        covariance = (self.loading * self.prior) @ self.loading.T + np.diag(self.noise)
        index = [self.names.index(name) for name in keep]
        cross = (self.loading[:, index] * self.prior[index]).T
        gain = linalg.solve(covariance, cross.T, assume_a="pos").T
        return gain @ (self.data.score - self.mean), np.diag(self.prior[index]) - gain @ cross.T

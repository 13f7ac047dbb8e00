"""When to stop and with which decision: rules as frozen values, each with one threshold and one question.

Rules are asked in the order in which they are declared, and the first that fires gives decision and reason, for
thousands of replications in one call. To add a rule, write one class with `rule`, its threshold, its `question` and
`ask`, and put it into `Rule`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from scipy.special import betaincc, ndtr

from expsim_bayes.errors import SettingError
from expsim_bayes.frozen import Frozen
from expsim_bayes.rates import prob_exceeds

if TYPE_CHECKING:
    from expsim_bayes import superiority

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DECISIONS: Final = ("continue", "launch", "keep_control", "collect", "stop_equivalent", "refuse")
"""Names of the decision codes of `Verdicts`. `continue` is no decision yet; `refuse` is never the answer of a rule,
but of the gate."""
CONTINUE, LAUNCH, KEEP_CONTROL, COLLECT, STOP_EQUIVALENT, REFUSE = range(6)


class Evidence(NamedTuple):
    """What is known after a look: every array has a leading `replication` axis."""

    prob_best: Floats
    """(replication, variant) as in `Superiority`; computed among the variants of `eligible`."""
    prob_superior: Floats
    """(replication, variant) probability to beat the control by more than min_effect; nan for the control."""
    expected_loss: Floats
    """(replication, variant) in score units."""
    prob_equivalent: Floats
    """(replication,) probability that all variants are within the rope."""
    dollars: Floats
    """(replication,) spent so far."""
    ratings: NDArray[np.int64]
    """(replication,) ratings so far."""
    days: Floats
    """(replication,) wall-clock so far."""
    prob_breach: Floats | None = None
    """(replication, guardrail, variant) probability to breach each guardrail, in the order of the guardrails among
    the rules."""
    control: int | None = None
    """Position of the control."""
    next_dollars: Floats | float = 0.0
    """What the next look would cost."""
    next_ratings: NDArray[np.int64] | int = 0
    """How many ratings the next look would add."""
    dropped: Mask | None = None
    """(replication, variant) those that inferiority has dropped."""


def evidence_of_one(found: superiority.Superiority, *, control: int | None = None) -> Evidence:
    """Evidence of a single posterior, of which neither price nor time is asked.

    Parameters
    ----------
    found : superiority.Superiority
        Of one replication, without its axis.
    control : int, optional
        Position of the control.
    """
    return Evidence(
        prob_best=found.prob_best[None],
        prob_superior=found.prob_superior[None],
        expected_loss=found.expected_loss[None],
        prob_equivalent=np.atleast_1d(found.prob_equivalent),
        dollars=np.zeros(1),
        ratings=np.zeros(1, dtype=np.int64),
        days=np.zeros(1),
        control=control,
    )


class Verdicts(NamedTuple):
    """The outcome of the rules for every replication."""

    decision: NDArray[np.int8]
    """(replication,) positions in `DECISIONS`."""
    variant: NDArray[np.intp]
    """(replication,) the variant launched, else -1."""
    rule: NDArray[np.intp]
    """(replication,) position of the rule that fired, else -1."""


Answer = tuple[NDArray[np.int8], NDArray[np.intp]]
"""Decision codes (0 where the rule does not fire) and launched variants (-1 for none)."""


class _Common(Frozen):
    """What every rule has."""

    from_look: int = Field(default=1, ge=1)
    """The first look at which the rule is asked."""


class Superiority(_Common):
    """Stops when one variant is probably the best of all.

    Launches it, or keeps the control if that is it.
    """

    question: ClassVar[str] = "Is one variant probably the best of all?"
    rule: Literal["superiority"] = "superiority"
    """Name of this rule in TOML."""
    threshold: float = Field(default=0.95, gt=0, le=1)
    """Least prob_best of the leader."""

    def ask(self, evidence: Evidence, barred: Mask) -> Answer:
        """Launch, keep_control, or go on."""
        leader = evidence.prob_best.argmax(axis=-1)
        sure = _pick(evidence.prob_best, leader) >= self.threshold
        return _choose(sure & ~_pick(barred, leader), leader, evidence.control)


class Inferiority(_Common):
    """Drops a variant that is probably not the best: it gets no further outputs and is not launched.

    Stops when one variant is left, and launches it, or keeps the control if that is it. The control is never dropped.
    """

    question: ClassVar[str] = "Is one variant left?"
    rule: Literal["inferiority"] = "inferiority"
    """Name of this rule in TOML."""
    threshold: float | None = Field(default=None, gt=0, lt=0.5)
    """prob_best below which a variant is dropped; 1 - the threshold of superiority unless told."""

    def drops(self, prob_best: Floats, remaining: Mask, control: int | None) -> Mask:
        """(replication, variant) who is dropped now, among those that remain."""
        assert self.threshold is not None  # `mirrored` sees to it
        low = remaining & (prob_best < self.threshold)
        if control is not None:
            low[:, control] = False
        return np.asarray(low)

    def ask(self, evidence: Evidence, barred: Mask) -> Answer:
        """Launch or keep_control when one is left, or go on."""
        lone = (~barred).sum(axis=-1) == 1
        if evidence.dropped is None:
            lone[:] = False
        else:
            lone &= evidence.dropped.any(axis=-1)
        return _choose(lone, (~barred).argmax(axis=-1), evidence.control)


class BeatsControl(_Common):
    """Stops when the leader probably beats the control by more than min_effect, or when no variant probably does.

    Launches the leader, or keeps the control once every other variant that may be launched has a probability of
    keep_at or less.
    """

    question: ClassVar[str] = "Is the leader probably better than the control by an amount that matters?"
    rule: Literal["beats_control"] = "beats_control"
    """Name of this rule in TOML."""
    threshold: float = Field(default=0.95, gt=0.5, le=1)
    """Least prob_superior of the leader."""
    keep_at: float | None = Field(default=None, ge=0, lt=0.5)
    """Greatest prob_superior of all at which the control is kept; 1 - threshold unless told, and 0 never keeps it early."""

    def ask(self, evidence: Evidence, barred: Mask) -> Answer:
        """Launch, keep_control, or go on."""
        superior = np.where(barred | np.isnan(evidence.prob_superior), -1.0, evidence.prob_superior)
        leader = np.where(superior < 0, -1.0, evidence.prob_best).argmax(axis=-1)
        decision, variant = _choose(_pick(superior, leader) >= self.threshold, leader, None)
        keep_at = 1.0 - self.threshold if self.keep_at is None else self.keep_at
        best = superior.max(axis=-1)
        hopeless = ((best <= keep_at) if keep_at > 0 else (best < 0)) & (evidence.control is not None)
        return np.where(hopeless, KEEP_CONTROL, decision).astype(np.int8), np.where(hopeless, -1, variant)


class ExpectedLoss(_Common):
    """Stops when a choice gives away next to nothing.

    Keeps the control if that is such a choice, else launches the leader.

    Asks the question that matters for use rather than for science: near-equal variants stop early, since any of them
    will do.
    """

    question: ClassVar[str] = "Would choosing now give away less than the threshold?"
    rule: Literal["expected_loss"] = "expected_loss"
    """Name of this rule in TOML."""
    threshold: float = Field(gt=0)
    """Greatest expected loss that is accepted, in score units."""

    def ask(self, evidence: Evidence, barred: Mask) -> Answer:
        """Launch, keep_control, or go on."""
        leader = np.where(barred, np.inf, evidence.expected_loss).argmin(axis=-1)
        if evidence.control is not None:
            leader = np.where(evidence.expected_loss[:, evidence.control] <= self.threshold, evidence.control, leader)
        small = _pick(evidence.expected_loss, leader) <= self.threshold
        return _choose(small & ~_pick(barred, leader), leader, evidence.control)


class Equivalence(_Common):
    """Stops when all variants are probably so close that the choice does not matter; concludes stop_equivalent."""

    question: ClassVar[str] = "Are all variants probably the same for all that matters?"
    rule: Literal["equivalence"] = "equivalence"
    """Name of this rule in TOML."""
    threshold: float = Field(default=0.95, gt=0, le=1)
    """Least prob_equivalent."""

    def ask(self, evidence: Evidence, _barred: Mask) -> Answer:
        """Stop_equivalent, or go on."""
        return _plain(evidence.prob_equivalent >= self.threshold, STOP_EQUIVALENT)


class Guardrail(_Common):
    """Bars from launch any variant that probably costs too much, is too slow or errs too often; stops when only the control is left.

    The control is never barred, for it is what runs today. Where all others are barred it concludes keep_control
    (without a control: launch nothing, which has the same name).
    """

    question: ClassVar[str] = "Does a variant probably break a limit on cost, latency or faults?"
    rule: Literal["guardrail"] = "guardrail"
    """Name of this rule in TOML."""
    metric: Literal["cost_usd", "latency_s", "fault_rate"]
    """What is limited: the mean cost of a call in dollars, its mean latency in seconds, or the share of outputs that have a fault."""
    at_most: float | None = Field(default=None, gt=0)
    """The limit itself; or give at_most_ratio or at_most_more."""
    at_most_ratio: float | None = Field(default=None, gt=0)
    """The limit as a multiple of the control's mean, of cost or latency."""
    at_most_more: float | None = Field(default=None, gt=0, lt=1)
    """The limit as an amount above the control's share of faults: 0.02 are 2 percentage points."""
    threshold: float = Field(default=0.95, gt=0.5, le=1)
    """Least probability of a breach that bars a variant."""
    clear_at: float | None = Field(default=None, gt=0, lt=0.5)
    """Greatest probability of a breach at which a variant may be launched; above it the experiment goes on. Any unless told."""

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        other = "at_most_more" if self.metric == "fault_rate" else "at_most_ratio"
        given = [key for key in ("at_most", "at_most_ratio", "at_most_more") if getattr(self, key) is not None]
        if given not in (["at_most"], [other]):
            raise ValueError(f"a guardrail on {self.metric} takes one of at_most and {other}: give exactly one")
        if self.metric == "fault_rate" and self.at_most is not None and self.at_most >= 1:
            raise ValueError(f"at_most: {self.at_most:g} of all outputs is no limit on faults; give a share below 1")
        return self

    def ask(self, evidence: Evidence, barred: Mask) -> Answer:
        """Keep_control when nothing is left to launch, or go on."""
        left = ~barred & (np.arange(barred.shape[-1]) != (-1 if evidence.control is None else evidence.control))
        return _plain(barred.any(axis=-1) & ~left.any(axis=-1), KEEP_CONTROL)


class Budget(_Common):
    """Stops when the money is spent, or will not pay for the next look.

    Decides nothing: collect, when there is more money.
    """

    question: ClassVar[str] = "Is the money spent?"
    rule: Literal["budget"] = "budget"
    """Name of this rule in TOML."""
    usd: float = Field(gt=0)
    """The budget in dollars."""

    def ask(self, evidence: Evidence, _barred: Mask) -> Answer:
        """Collect, or go on."""
        return _plain((evidence.dollars >= self.usd) | (evidence.dollars + evidence.next_dollars > self.usd), COLLECT)


class MaxRatings(_Common):
    """Stops when the ratings are used up, or would be by the next look; decides nothing: collect."""

    question: ClassVar[str] = "Are all the ratings used that may be asked for?"
    rule: Literal["max_ratings"] = "max_ratings"
    """Name of this rule in TOML."""
    ratings: int = Field(gt=0)
    """The greatest number of ratings."""

    def ask(self, evidence: Evidence, _barred: Mask) -> Answer:
        """Collect, or go on."""
        used = (evidence.ratings >= self.ratings) | (evidence.ratings + evidence.next_ratings > self.ratings)
        return _plain(used, COLLECT)


class MaxDays(_Common):
    """Stops when the time is up; decides nothing: collect."""

    question: ClassVar[str] = "Is the time up?"
    rule: Literal["max_days"] = "max_days"
    """Name of this rule in TOML."""
    days: float = Field(gt=0)
    """The greatest number of days of wall-clock."""

    def ask(self, evidence: Evidence, _barred: Mask) -> Answer:
        """Collect, or go on."""
        return _plain(evidence.days >= self.days, COLLECT)


Rule = Annotated[
    Superiority | Inferiority | BeatsControl | ExpectedLoss | Equivalence | Guardrail | Budget | MaxRatings | MaxDays,
    Field(discriminator="rule"),
]
"""Any rule, told apart by its `rule` key."""


def first(rules: Sequence[Rule], evidence: Evidence, *, look: int = 1) -> Verdicts:
    """The decision of the first rule that fires, for every replication.

    Parameters
    ----------
    rules : sequence of Rule
        In the order in which they are asked.
    evidence : Evidence
        What is known at this look.
    look : int
        Number of this look, from 1.

    Returns
    -------
    Verdicts
        `continue` where none fires. A variant that a guardrail bars is never launched, wherever the guardrail stands.

    Examples
    --------
    >>> import numpy as np
    >>> known = Evidence(
    ...     prob_best=np.array([[0.03, 0.97], [0.4, 0.6]]),
    ...     prob_superior=np.array([[np.nan, 0.97], [np.nan, 0.6]]),
    ...     expected_loss=np.array([[0.3, 0.001], [0.1, 0.05]]),
    ...     prob_equivalent=np.zeros(2),
    ...     dollars=np.array([10.0, 10.0]),
    ...     ratings=np.array([40, 40]),
    ...     days=np.array([1.0, 1.0]),
    ...     control=0,
    ... )
    >>> verdicts = first([Superiority(threshold=0.95), Budget(usd=10.0)], known)
    >>> [DECISIONS[code] for code in verdicts.decision], verdicts.variant.tolist(), verdicts.rule.tolist()
    (['launch', 'collect'], [1, -1], [0, 1])
    """
    n = len(evidence.prob_best)
    out = Verdicts(np.zeros(n, np.int8), np.full(n, -1, np.intp), np.full(n, -1, np.intp))
    allowed = eligible(rules, evidence.prob_breach, evidence.control)
    barred = np.zeros(evidence.prob_best.shape, bool) if allowed is None else ~allowed
    if evidence.dropped is not None:
        barred |= evidence.dropped
    waiting = _not_cleared(rules, evidence)
    for position, rule in enumerate(rules):
        if look < rule.from_look:
            continue
        decision, variant = rule.ask(evidence, barred)
        decision = np.where((decision == LAUNCH) & _pick(waiting, variant), CONTINUE, decision)
        fired = (out.decision == CONTINUE) & (decision != CONTINUE)
        out.decision[fired], out.variant[fired], out.rule[fired] = decision[fired], variant[fired], position
    return out


def of_all(*, threshold: float, rope: float) -> tuple[Rule, ...]:
    """What is asked of ratings that are all in: whether what differs matters at all, and only then which variant is the best.

    Parameters
    ----------
    threshold : float
        Probability that is asked for.
    rope : float
        Width of equivalence, in the unit of quality; 0 where any difference matters.

    Examples
    --------
    >>> [rule.rule for rule in of_all(threshold=0.95, rope=0.1)], [rule.rule for rule in of_all(threshold=0.95, rope=0.0)]
    (['equivalence', 'superiority'], ['superiority'])
    """
    same = (Equivalence(threshold=threshold),) if rope > 0 else ()
    return (*same, Superiority(threshold=threshold))


def eligible(rules: Sequence[Rule], prob_breach: Floats | None, control: int | None) -> Mask | None:
    """Variants that no guardrail bars from launch.

    Give it to `superiority` as `eligible`: who cannot be launched should not compete.

    Parameters
    ----------
    rules : sequence of Rule
        All rules; those that are not guardrails are passed over.
    prob_breach : ndarray, shape (replication, guardrail, variant), or None
        In the order of the guardrails among the rules.
    control : int or None
        Position of the control, which is never barred.

    Returns
    -------
    ndarray of bool, shape (replication, variant), or None
        None where there is no guardrail, or nothing is known.

    Examples
    --------
    >>> eligible([Guardrail(metric="latency_s", at_most=2.0)], np.array([[[0.99, 0.2, 0.97]]]), 0).tolist()
    [[True, True, False]]
    """
    thresholds = [rule.threshold for rule in rules if isinstance(rule, Guardrail)]
    if not thresholds or prob_breach is None:
        return None
    allowed: Mask = ~(prob_breach >= np.array(thresholds)[:, None]).any(axis=1)
    if control is not None:
        allowed[:, control] = True
    return allowed


def _not_cleared(rules: Sequence[Rule], evidence: Evidence) -> Mask:
    """(replication, variant) variants that a guardrail does not let be launched yet; the control always may."""
    waiting = np.zeros(evidence.prob_best.shape, bool)
    if evidence.prob_breach is None:
        return waiting
    guardrails = [rule for rule in rules if isinstance(rule, Guardrail)]
    for position, rule in enumerate(guardrails):
        if rule.clear_at is not None:
            waiting |= evidence.prob_breach[:, position] > rule.clear_at
    if evidence.control is not None:
        waiting[:, evidence.control] = False
    return waiting


def mirrored(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The same rules, with inferiority as far from 0 as superiority is from 1 where it has no threshold of its own.

    Examples
    --------
    >>> [rule.threshold for rule in mirrored([Inferiority(), Superiority(threshold=0.75)])]
    [0.25, 0.75]
    """
    least = [rule.threshold for rule in rules if isinstance(rule, Superiority)]
    return tuple(
        rule.model_copy(update={"threshold": 1.0 - least[0]})
        if least and isinstance(rule, Inferiority) and rule.threshold is None
        else rule
        for rule in rules
    )


def check_rules(rules: Sequence[Rule], n_variants: int, *, has_control: bool = True, where: str = "rules") -> None:
    """Refuse rules that fire at once, never, or twice.

    Parameters
    ----------
    rules : sequence of Rule
        As declared.
    n_variants : int
        How many variants there are.
    has_control : bool
        Whether one of them is the control.
    where : str
        The TOML key of the list, for the message.

    Raises
    ------
    SettingError
        Naming key, value and remedy.
    """
    for position, rule in enumerate(mirrored(rules)):
        key = f"{where}[{position}]"
        if isinstance(rule, Inferiority):
            _check_inferiority(rule, n_variants, key)
        if isinstance(rule, Superiority) and rule.threshold <= 1.0 / n_variants:
            raise SettingError(
                f"with {n_variants} variants the best has a probability of {rule.threshold:g} before any rating",
                where=f"{key}.threshold",
                remedy=f"choose a threshold above 1/{n_variants} = {1 / n_variants:.3g}, such as 0.95",
            )
        against_control = isinstance(rule, BeatsControl) or (isinstance(rule, Guardrail) and rule.at_most is None)
        if against_control and not has_control:
            raise SettingError(
                f"the rule {rule.rule!r} compares with a control, and there is none",
                where=f"{key}.rule",
                remedy="name the control, or use superiority, or a guardrail with at_most",
            )
    _check_once(rules, where)


def _check_inferiority(rule: Inferiority, n_variants: int, key: str) -> None:
    """It must have a threshold, its own or that of superiority, below what every variant has before any rating."""
    if rule.threshold is None:
        raise SettingError(
            "inferiority mirrors superiority, and that is not among the rules",
            where=f"{key}.threshold",
            remedy="give it a threshold such as 0.01, or add a rule of superiority",
        )
    if rule.threshold >= 1.0 / n_variants:
        raise SettingError(
            f"with {n_variants} variants each has a probability of {1 / n_variants:.3g} before any rating, and would be dropped",
            where=f"{key}.threshold",
            remedy=f"choose a threshold below 1/{n_variants}, such as 0.01",
        )


def prob_breach_lognormal(
    count: ArrayLike, sum_log: ArrayLike, sum_sq_log: ArrayLike, *, rule: Guardrail, control: int | None = None
) -> Floats:
    """Probability that the mean of a log-normal cost or latency is above the limit of a guardrail.

    Parameters
    ----------
    count, sum_log, sum_sq_log : array_like, shape (..., variant)
        Number of calls, and the sums of the natural logs of their values and of the squares of these.
    rule : Guardrail
        The limit, in the unit of the values or as a multiple of the control's mean.
    control : int, optional
        Position of the control.

    Returns
    -------
    ndarray, shape (..., variant)
        .5 (not known) with fewer than two calls. The control against itself is certain: it breaks a ratio below 1
        only.

    Raises
    ------
    SettingError
        The limit is a ratio and there is no control.

    Notes
    -----
    Cox's normal approximation for the log of the mean: estimate m + s^2 / 2, variance s^2 / n + s^4 / (2 (n - 1)),
    with m and s^2 the mean and variance of the logs (Zhou and Gao, Confidence intervals for the log-normal mean,
    Statistics in Medicine 16, 1997).

    Examples
    --------
    >>> logs = np.log([1.0, 1.2, 0.9, 1.1])
    >>> limit = Guardrail(metric="latency_s", at_most=1.1)
    >>> prob_breach_lognormal([4], [logs.sum()], [(logs**2).sum()], rule=limit).round(3).tolist()
    [0.237]
    """
    log_mean, variance = _cox(np.asarray(count, float), np.asarray(sum_log, float), np.asarray(sum_sq_log, float))
    if rule.at_most is not None:
        return _above(log_mean - np.log(rule.at_most), variance)
    if control is None or rule.at_most_ratio is None:
        raise SettingError(
            f"the guardrail on {rule.metric} compares with a control, and there is none",
            remedy="name the control, or give the limit as at_most",
        )
    itself = np.arange(log_mean.shape[-1]) == control
    excess = np.where(itself, 0.0, log_mean - log_mean[..., [control]]) - np.log(rule.at_most_ratio)
    return _above(excess, np.where(itself, 0.0, variance + variance[..., [control]]))


def prob_breach_beta(count: ArrayLike, faults: ArrayLike, *, rule: Guardrail, control: int | None = None) -> Floats:
    """Probability that the rate of faults is above the limit of a guardrail; exact, with every rate as likely beforehand.

    Parameters
    ----------
    count, faults : array_like, shape (replication, variant)
        Outputs that were checked, and those among them with a fault.
    rule : Guardrail
        The limit, as a share or as an amount above the control's.
    control : int, optional
        Position of the control.

    Returns
    -------
    ndarray, shape (replication, variant)
        The control is never above itself.

    Raises
    ------
    SettingError
        The limit is an amount above the control's and there is no control.

    Examples
    --------
    >>> limit = Guardrail(metric="fault_rate", at_most_more=0.02)
    >>> prob_breach_beta([[500, 500]], [[10, 30]], rule=limit, control=0).round(3).tolist()
    [[0.0, 0.947]]
    """
    found, n = np.asarray(faults, float), np.asarray(count, float)
    a, b = 1.0 + found, 1.0 + n - found
    if rule.at_most is not None:
        return np.asarray(betaincc(a, b, rule.at_most))
    if control is None or rule.at_most_more is None:
        raise SettingError(
            f"the guardrail on {rule.metric} compares with a control, and there is none",
            remedy="name the control, or give the limit as at_most",
        )
    over = prob_exceeds(a, b, a[:, [control]], b[:, [control]], rule.at_most_more)
    over[:, control] = 0.0
    return over


def _above(excess: Floats, variance: Floats) -> Floats:
    """P(N(excess, variance) > 0); one half where they are not known, none at the limit itself when certain."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ndtr(excess / np.sqrt(variance))
    return np.asarray(np.where(np.isnan(p), np.where(variance == 0.0, 0.0, 0.5), p))


def _cox(n: Floats, total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Log of the mean and its variance; nan with fewer than two values."""
    enough = n >= 2
    size = np.where(enough, n, np.nan)
    mean = total / size
    s2 = np.maximum(squares - size * mean * mean, 0.0) / (size - 1.0)
    return mean + s2 / 2.0, s2 / size + s2 * s2 / (2.0 * (size - 1.0))


def _pick[T: np.generic](values: NDArray[T], at: NDArray[np.intp]) -> NDArray[T]:
    """The value of one variant for every replication."""
    return np.take_along_axis(values, at[:, None], axis=-1)[:, 0]


def _choose(fires: Mask, leader: NDArray[np.intp], control: int | None) -> Answer:
    """Launch the leader where the rule fires, or keep the control where it is the leader."""
    launch = fires & (leader != (-1 if control is None else control))
    decision = np.where(launch, LAUNCH, np.where(fires, KEEP_CONTROL, CONTINUE)).astype(np.int8)
    return decision, np.where(launch, leader, -1)


def _plain(fires: Mask, decision: int) -> Answer:
    """One decision that launches nothing, where the rule fires."""
    return np.where(fires, decision, CONTINUE).astype(np.int8), np.full(fires.shape, -1, np.intp)


def _check_once(rules: Sequence[Rule], where: str) -> None:
    """Each rule once; guardrails once for each metric and kind of limit."""
    kinds = [_kind(rule) for rule in rules]
    for kind, times in Counter(kinds).items():
        if times > 1:
            at = len(kinds) - 1 - kinds[::-1].index(kind)
            raise SettingError(
                f"the rule {kind} is given {times} times",
                where=f"{where}[{at}].rule",
                remedy="keep one of them (a rule has one threshold)",
            )


def _kind(rule: Rule) -> str:
    """What makes a rule the same as another."""
    if not isinstance(rule, Guardrail):
        return rule.rule
    return f"guardrail on {rule.metric} by {'amount' if rule.at_most is not None else 'comparison'}"

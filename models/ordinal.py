r"""Stars: scores on a scale of a few steps, by people and judges.

Rating :math:`n` of output :math:`o` (variant :math:`v`, item :math:`i`) by rater :math:`r` of evaluator :math:`k` falls into one of the
steps :math:`1 \dots C` of the scale by an ordered logistic law (McCullagh 1980):

.. math::

    P(y_n \le c) = \operatorname{logit}^{-1}(\kappa_{kc} - \eta_n), \qquad
    \eta_n = \lambda_k (q_v + u_i + g_{iv} + w_o) + b_r + d_{kv} + t_{rv} + a_{ro}

with the terms of the score story on the logit scale, where the noise of a rating has an SD of 1.81. Each evaluator has cutpoints
:math:`\kappa_k` of its own, from a Dirichlet prior on the shares of its steps: they are ordered, and a step that nobody used is kept.

*Quality* is the expected score, and `prob_at_least` the share of ratings at or above a step, that the reference panel would give a variant
on new items by new raters.
"""

from __future__ import annotations

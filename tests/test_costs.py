"""Prices against price lists and hand arithmetic; days against a queue of workers that is played out."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsim_bayes.costs import call_usd, elapsed_days, labour_usd
from expsim_bayes.errors import SettingError


def queue_seconds(count: int, seconds_each: float, workers: int) -> float:
    """When the last piece is done if each worker takes the next piece as soon as it is free."""
    free = [0.0] * workers
    done = 0.0
    for _ in range(count):
        finished = heapq.heappop(free) + seconds_each
        heapq.heappush(free, finished)
        done = max(done, finished)
    return done


@given(
    count=st.integers(0, 60), seconds=st.floats(0.1, 500), workers=st.integers(1, 9), hours=st.sampled_from([6, 8, 24])
)
def test_days_are_those_of_a_queue_of_workers(count: int, seconds: float, workers: int, hours: int) -> None:
    days = elapsed_days(count, seconds_each=seconds, parallel=workers, hours_per_day=hours)
    assert float(days) == pytest.approx(queue_seconds(count, seconds, workers) / (3600 * hours), rel=1e-9)


def test_turnaround_is_waited_for_once_a_batch_and_not_for_nothing() -> None:
    days = elapsed_days([0, 1, 1000], seconds_each=0.0, turnaround_hours=6)
    np.testing.assert_allclose(days, [0, 0.25, 0.25])


def test_days_broadcast_over_evaluators() -> None:
    days = elapsed_days([[10, 20], [0, 40]], seconds_each=[3600, 1800], parallel=[1, 2], hours_per_day=[8, 24])
    np.testing.assert_allclose(days, [[10 / 8, 10 * 0.5 / 24], [0, 20 * 0.5 / 24]])


@given(count=st.integers(0, 1000), more=st.integers(0, 1000), workers=st.integers(1, 50))
def test_more_work_never_takes_less_time_and_more_workers_never_more(count: int, more: int, workers: int) -> None:
    few, many = (float(elapsed_days(n, seconds_each=7, parallel=workers)) for n in (count, count + more))
    assert few <= many
    assert float(elapsed_days(count, seconds_each=7, parallel=workers + 1)) <= few


def test_wages() -> None:
    assert labour_usd(seconds=90, wage_usd_per_hour=16) == pytest.approx(0.4)


def test_price_of_a_call_is_tokens_times_the_list_price() -> None:
    """gpt-4o-mini: .15 dollars a million tokens in, .60 out."""
    assert call_usd("gpt-4o-mini", tokens_in=1_000_000, tokens_out=0) == pytest.approx(0.15)
    assert call_usd("gpt-4o-mini", tokens_in=0, tokens_out=1_000_000) == pytest.approx(0.60)
    assert call_usd("gpt-4o-mini", tokens_in=1020, tokens_out=129) == pytest.approx(1020 * 0.15e-6 + 129 * 0.60e-6)


def test_unknown_model_is_named_with_a_remedy() -> None:
    with pytest.raises(SettingError, match=r"'gpt-99-huge'.*Remedy: check the spelling, or give usd_per_call"):
        call_usd("gpt-99-huge", tokens_in=1, tokens_out=1)

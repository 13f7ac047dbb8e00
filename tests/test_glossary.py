"""Every number of a model has one plain name, wherever it is shown."""

from __future__ import annotations

import pytest

from expsim_bayes import glossary, models
from expsim_bayes.models import continuous


@pytest.mark.parametrize("model", models.NAMES)
def test_every_prior_has_a_plain_name(model: str) -> None:
    priors = continuous.Priors() if model == "continuous" else models.recipe(model).priors()
    names = list(priors.model_dump())
    assert [name for name in names if glossary.raw(name) not in glossary.WORDS] == []
    assert len({glossary.plain(name) for name in names}) == len(names)


def test_a_plain_name_reads_after_an_article_and_is_no_raw_one() -> None:
    for raw, words in glossary.WORDS.items():
        assert "_" not in words
        assert not words.startswith(("the ", "a ", "how ", "what ")), raw


def test_a_number_is_told_by_the_name_of_its_prior_and_an_error_by_what_is_said_of_what() -> None:
    assert glossary.named("sd_order_of_pool[human]") == "spread of raters' favour for the left side, human (sd_order)"
    assert glossary.named("confusion[ann, lee, 3, 4]") == "errors of raters, ann, lee: 4 where it is 3 (confusion)"


def test_names_that_users_gave_are_left_alone() -> None:
    for name in ("quality of sd_item (new)", "A (v1) against B (v2)", "sd_between variants", "x (y)"):
        assert glossary.named(name) == name
    assert glossary.named("shift[judge, [B], (new)]") == "judges' taste for a variant, judge, [B], (new) (shift)"

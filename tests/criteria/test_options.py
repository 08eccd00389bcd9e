"""What can be set of a criterion has a title that people read, and only values that it takes."""

import pytest

from medcore.criteria import Criterion, load_criteria


@pytest.mark.parametrize("criterion", load_criteria().values(), ids=str)
def test_every_option_has_a_title_and_only_values_that_the_criterion_takes(criterion: Criterion) -> None:
    options = criterion.options()
    assert set(criterion.option_words) == set(options)
    for name, own in options.items():
        words = criterion.option_words[name]
        assert words.title[0].isupper() and "_" not in words.title
        assert not words.choices or own in words.choices
        for value in words.choices:
            assert getattr(criterion.configured({name: value}), name) == value

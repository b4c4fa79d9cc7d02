import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution

from inkdigits.learn import options as learning
from inkdigits.learn import search_space
from inkdigits.learn.options import CHOICES, NetworkOptions, TrainOptions
from inkdigits.learn.search_space import Space


def space(start: TrainOptions, *fixed: str, suggestion: float | None = 0.1, n_training: int = 5000) -> Space:
    return search_space.space(start, fixed=fixed, suggestion=suggestion, n_training=n_training)


def test_every_name_is_a_training_option() -> None:
    assert set(space(TrainOptions())) <= set(learning.flat(TrainOptions()))


def test_what_the_user_fixed_stays_out() -> None:
    assert set(space(TrainOptions())) - set(space(TrainOptions(), "batch", "rotation", "epochs")) == {
        "batch",
        "rotation",
    }


@pytest.mark.parametrize(
    ("optimizer", "heeded"),
    [("sgd", set()), ("adam", set()), ("nesterov", {"momentum"}), ("muon", {"momentum", "vector_rate"})],
)
def test_only_options_that_the_optimizer_heeds_are_searched(optimizer: str, heeded: set[str]) -> None:
    assert {"momentum", "vector_rate"} & set(space(TrainOptions(optimizer=optimizer))) == heeded


def test_rates_are_drawn_around_the_suggestion_and_the_vector_rate_moves_along() -> None:
    found = space(TrainOptions(learning_rate=0.1, vector_rate=0.05), suggestion=0.2)
    for name, middle in (("learning_rate", 0.2), ("vector_rate", 0.1)):
        rates = found[name]
        assert isinstance(rates, FloatDistribution)
        assert rates.log
        assert [rates.low, rates.high] == pytest.approx([middle / 10, middle * 10])


def test_a_batch_is_no_larger_than_the_training_set() -> None:
    few = space(TrainOptions(batch=32), n_training=300)["batch"]
    assert isinstance(few, CategoricalDistribution)
    assert few.choices == (32, 64, 128, 256)
    assert "batch" not in space(TrainOptions(batch=64), n_training=100)


@given(
    optimizer=st.sampled_from(CHOICES["optimizer"]),
    rates=st.tuples(st.floats(0, 100), st.floats(0, 100)),
    suggestion=st.none() | st.floats(1e-5, 10),
    batch=st.integers(1, 65_536),
    amounts=st.fixed_dictionaries({"rotation": st.floats(0, 180), "elastic": st.floats(0, 8)}),
    averaging=st.floats(0, 1),
    n_training=st.integers(1, 100_000),
)
def test_the_start_lies_in_its_space_whatever_it_is(
    optimizer: str,
    rates: tuple[float, float],
    suggestion: float | None,
    batch: int,
    amounts: dict[str, float],
    averaging: float,
    n_training: int,
) -> None:
    names = ("learning_rate", "vector_rate")
    values = {"optimizer": optimizer, "batch": batch, "averaging": averaging, **amounts}
    start = learning.change(TrainOptions(), values | dict(zip(names, rates, strict=True)))
    found = space(start, suggestion=suggestion, n_training=n_training)
    for name, value in search_space.values_of(start, found).items():
        assert found[name]._contains(found[name].to_internal_repr(value))
        wanted = learning.flat(start)[name]
        assert value == (max(wanted, 1e-6) if name in names else wanted)


def test_values_are_short_enough_to_type() -> None:
    drawn = {"learning_rate": 0.123456789, "rotation": 11.98765, "scale": 1.23456e-5, "batch": 128}
    short = {"learning_rate": 0.123, "rotation": 12.0, "scale": 1.23e-5, "batch": 128}
    assert search_space.rounded(drawn) == short


@pytest.mark.parametrize("model", ["mlp", "article"])
def test_a_rate_that_the_network_doesnt_heed_isnt_searched(model: str) -> None:
    assert "vector_rate" not in space(TrainOptions(network=NetworkOptions(model=model)))

import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from inkdigits.card import LINE_MODELS
from inkdigits.errors import UserError
from inkdigits.learn import options
from inkdigits.learn.networks import registry
from inkdigits.learn.options import CHOICES, PRESETS, AugmentOptions, NetworkOptions, TrainOptions

LEVELS = (NetworkOptions, AugmentOptions, TrainOptions)
OWN = [option for level in LEVELS for option in fields(level) if option.name not in ("network", "augment")]
AMOUNTS = [option.name for option in OWN if type(option.default) in (int, float)]


@pytest.mark.parametrize("option", OWN, ids=lambda option: option.name)
def test_every_option_has_a_default_and_help(option: Any) -> None:
    text = option.metadata["help"]
    assert len(text) > 10
    assert not text.endswith(".")
    assert options.flat(TrainOptions())[option.name] == option.default
    assert type(option.default) in (int, float, str, bool)


def test_names_are_unique_across_the_levels() -> None:
    names = [option.name for option in OWN]
    assert len(names) == len(set(names))
    assert set(options.flat(TrainOptions())) == set(names)


def test_the_models_are_those_of_the_registry() -> None:
    assert CHOICES["model"] == (*registry.NETWORKS, *registry.LINE_NETWORKS, *registry.PUBLISHED)
    assert tuple(registry.LINE_NETWORKS) == LINE_MODELS


def test_every_option_of_words_has_its_words() -> None:
    assert {option.name for option in OWN if type(option.default) is str} == set(CHOICES)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_made_and_is_what_it_says(name: str) -> None:
    found = options.flat(options.preset(name))
    assert found == options.flat(TrainOptions()) | {"validation": 0.0} | dict(PRESETS[name])


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown preset 'slow'; one of: .*fast.*best"):
        options.preset("slow")


@pytest.mark.parametrize("name", PRESETS)
def test_a_recipe_is_a_preset_changed_whose_given_epochs_count(name: str) -> None:
    preset = options.flat(options.preset(name))
    wider = options.flat(options.recipe(name, {"width": 2.0}))
    assert wider == preset | {"width": 2.0}
    shorter = options.flat(options.recipe(name, {"epochs": 0.1}))
    assert shorter == preset | {"epochs": 0.1, "least_steps": 0}
    either = options.flat(options.recipe(name, {"epochs": 0.1, "least_steps": 7}))
    assert either == preset | {"epochs": 0.1, "least_steps": 7}


def test_a_temperature_goes_with_the_label_smoothing_that_it_undoes() -> None:
    assert options.recipe("fast", {}).temperature < 0.6
    assert options.recipe("fast", {"label_smoothing": 0.0}).temperature == 1
    assert options.recipe("fast", {"label_smoothing": 0.2, "temperature": 0.3}).temperature == 0.3


def test_change_reaches_every_level_and_leaves_the_rest() -> None:
    asked = {"width": 0.5, "rotation": 12.0, "epochs": 3.0}
    before = TrainOptions()
    after = options.change(before, asked)
    assert (after.network.width, after.augment.rotation, after.epochs) == (0.5, 12.0, 3.0)
    assert options.flat(after) == options.flat(before) | asked
    assert options.flat(before) == options.flat(TrainOptions())


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_temperature_undoes_its_label_smoothing(name: str) -> None:
    """Softer labels make less sure: that is undone by a temperature below 1, and only that."""
    found = options.preset(name)
    assert (found.temperature < 1) == (found.label_smoothing > 0)


def test_flat_and_change_undo_each_other() -> None:
    asked = options.change(TrainOptions(), {"model": "vgg", "noise": 0.2, "seed": 5, "optimizer": "adam"})
    assert options.change(TrainOptions(), options.flat(asked)) == asked


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"unknown option 'depth'; one of: .*epochs.*width.*rotation"):
        options.change(TrainOptions(), {"width": 2.0, "depth": 3})


@pytest.mark.parametrize("name", CHOICES)
def test_an_unknown_word_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(UserError, match=f"unknown {name} 'vit'; one of: {', '.join(CHOICES[name])}"):
        options.change(TrainOptions(), {name: "vit"})


@pytest.mark.parametrize("name", CHOICES)
def test_every_known_word_is_taken(name: str) -> None:
    for word in CHOICES[name]:
        assert options.flat(options.change(TrainOptions(), {name: word}))[name] == word


@pytest.mark.parametrize("name", AMOUNTS)
@pytest.mark.parametrize("value", [-1, 1e12, math.nan])
def test_an_amount_outside_its_limits_is_refused_with_them(name: str, value: float) -> None:
    with pytest.raises(
        UserError, match=f"^{name} is {value:g}, but has to lie between .* and ".replace("+", r"\+")
    ):
        options.change(TrainOptions(), {name: value})


@pytest.mark.parametrize("asked", [{"patience": 2}, {"keep": "best"}])
def test_what_needs_a_validation_split_is_refused_without_one(asked: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="needs a validation split; set validation above 0"):
        options.change(TrainOptions(), {"validation": 0.0, **asked})
    options.change(TrainOptions(), {"validation": 0.1, **asked})


def test_options_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        TrainOptions().epochs = 2.0  # type: ignore[misc]

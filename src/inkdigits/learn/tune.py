"""A search over the training options: a learning-rate finder, then trials drawn by Optuna.

What is searched for is the accuracy on the validation split: unlike the loss, it can be compared
across label smoothings. The test split is never read. The search's directory holds `search.sqlite3`
(the study, and all that it needs to go on), `search.json` (what was found) and two pictures.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from inkdigits import files
from inkdigits.data import digest
from inkdigits.errors import ArgumentError, UserError
from inkdigits.learn import counted, directory, plot, rate_finder, search_space, sets, study_file
from inkdigits.learn import options as learning
from inkdigits.learn.augment import warn_of_flips
from inkdigits.learn.history import Record
from inkdigits.learn.options import TrainOptions
from inkdigits.learn.rate_finder import Sweep
from inkdigits.learn.search_space import Space
from inkdigits.learn.train import DivergenceError, Stopped, Trained, Watch, train
from inkdigits.types import Dataset

STUDY_FILE = "search.sqlite3"
FOUND_FILE = "search.json"
RATES_PICTURE = "learning_rate.png"
IMPORTANCES_PICTURE = "importances.png"

FEWEST = 20
"""Validation images below which accuracies can't be told apart."""

THROUGH = (TrialState.COMPLETE, TrialState.PRUNED)
"""The states of trials that count; one that was stopped or killed is drawn again."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is searched: the data, the options to start from, the names of those that stay as they are.

    `n_trials` are all that there shall be, those of earlier calls included.
    """

    source: str
    start: TrainOptions
    fixed: frozenset[str]
    n_trials: int

    def __post_init__(self) -> None:
        if self.n_trials < 1:
            raise ArgumentError(f"trials is {self.n_trials}, but has to be at least 1")
        if self.start.validation == 0:
            raise ArgumentError("a search needs a validation split; set validation above 0, say to 0.1")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A trial that is through: its number, from 1, and its validation accuracy, None if it was given up."""

    number: int
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search gave.

    `options` are those searched, with the values of the best trial; `accuracy` and `loss` its figures
    on the validation split. `importances` are shares of the variation in accuracy (fANOVA), empty while
    there is too little to tell. `suggested_rate` is the finder's, None where the loss never fell.
    """

    data: str
    objective: str
    options: Mapping[str, Any]
    accuracy: float
    loss: float
    n_trials: int
    n_given_up: int
    suggested_rate: float | None
    importances: Mapping[str, float]
    versions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What doesn't change from trial to trial."""

    plan: Plan
    study: optuna.Study
    space: Space
    training: Dataset
    validation: Dataset
    watch: Watch


def search(
    plan: Plan, folder: Path, *, watch: Watch, after_trial: Callable[[Tried], None] = lambda _tried: None
) -> Found:
    """Makes the trials that are missing in the folder's search, and writes down what was found.

    The first trial is the start itself. Raises UserError where the data can't be searched on, and where
    `folder` holds a search over other data or options; Stopped where `watch.stop` asked for it.
    """
    whole, _ = sets.Source(plan.source).training()
    warn_of_flips(plan.start.augment, whole.label_names)
    training, validation = _held_apart(plan.source, whole, plan.start)
    with study_file.opened(folder / STUDY_FILE) as study:
        _claim(study, plan, digest.sha256(whole), folder)
        sweep = _swept(study, training, plan.start, watch)
        plot.learning_rates(
            sweep.rates, sweep.losses, suggestion=sweep.suggestion, path=folder / RATES_PICTURE
        )
        going = _Search(
            plan=plan,
            study=study,
            space=_space(study, plan, sweep, len(training)),
            training=training,
            validation=validation,
            watch=watch,
        )
        for n_through in range(len(_through(study)), plan.n_trials):
            after_trial(_attempt(going, n_through))
        found = _found(going, sweep.suggestion)
        files.write(folder / FOUND_FILE, (json.dumps(asdict(found), indent=2) + "\n").encode())
        _draw(found, study, folder / IMPORTANCES_PICTURE)
    return found


def _held_apart(source: str, whole: Dataset, start: TrainOptions) -> tuple[Dataset, Dataset]:
    """The images to train on and those to judge by: what `run` would make of the same options."""
    if len(np.unique(whole.labels)) < 2:
        raise UserError(f"{whole.name} has one class only; a search needs two or more to tell apart")
    training, validation = sets.Source(source).validation(whole, start)
    assert validation is not None  # Plan refuses to search without
    if len(validation) < FEWEST:
        raise UserError(
            f"{whole.name} leaves {len(validation)} images for validation, but a search needs {FEWEST}:"
            f" add images, or raise validation above {start.validation:g}"
        )
    return training, validation


def _claim(study: optuna.Study, plan: Plan, sha256: str, folder: Path) -> None:
    """Writes down what a new search is about. Raises UserError where the study is about something else."""
    options = {f"option {name}": value for name, value in learning.flat(plan.start).items()}
    about = {"data": sha256, "fixed options": ", ".join(sorted(plan.fixed)) or "none", **options}
    before = study.user_attrs.get("about")
    if before is None:
        study.set_user_attr("about", about)
        return
    for name, value in about.items():
        if before.get(name) != value:
            differs = "data" if name == "data" else f"{name} {before.get(name)!r}, not {value!r}"
            raise UserError(
                f"{folder} holds a search with {'other ' if name == 'data' else ''}{differs};"
                " go on with it as it was begun, or name another directory"
            )


def _swept(study: optuna.Study, training: Dataset, start: TrainOptions, watch: Watch) -> Sweep:
    """The finder's sweep: made once, kept in the study."""
    kept = study.user_attrs.get("sweep")
    if kept is None:
        kept = asdict(rate_finder.find(training, start, watch=watch))
        study.set_user_attr("sweep", kept)
    return Sweep(rates=tuple(kept["rates"]), losses=tuple(kept["losses"]), suggestion=kept["suggestion"])


def _space(study: optuna.Study, plan: Plan, sweep: Sweep, n_training: int) -> Space:
    """The options searched: settled once, kept in the study, so that a newer version goes on in it."""
    kept = study.user_attrs.get("space")
    if kept is None:
        made = search_space.space(
            plan.start, fixed=plan.fixed, suggestion=sweep.suggestion, n_training=n_training
        )
        if not made:
            raise UserError("every option that a search may change is fixed; leave one of them open")
        kept = {name: distribution_to_json(each) for name, each in made.items()}
        study.set_user_attr("space", kept)
    return {name: json_to_distribution(each) for name, each in kept.items()}


def _attempt(going: _Search, n_through: int) -> Tried:
    """One trial more, kept in the study whatever becomes of it."""
    study, start = going.study, going.plan.start
    trial = _drawn(going, n_through)
    values = search_space.rounded(trial.params)
    judge = _Judge(trial=trial, after_step=going.watch.after_step)
    watch = Watch(after_step=judge.step, after_epoch=judge.epoch, stop=going.watch.stop)
    try:
        trained = train(going.training, going.validation, learning.change(start, values), watch=watch)
        loss, accuracy = _figures(trained, start.keep)
    except (optuna.TrialPruned, DivergenceError):
        study.tell(trial, state=TrialState.PRUNED)
        return Tried(number=n_through + 1, accuracy=None)
    except Stopped:
        study.tell(trial, state=TrialState.FAIL)
        raise
    trial.set_user_attr("options", values)
    trial.set_user_attr("loss", loss)
    study.tell(trial, accuracy)
    return Tried(number=n_through + 1, accuracy=accuracy)


def _drawn(going: _Search, n_through: int) -> optuna.Trial:
    """The next trial: the start, then what the sampler draws from the trials that are through.

    A sampler of its own for each, seeded by how many are through, so that a search that was stopped or
    killed makes the trials that it would have made unbroken.
    """
    study, start = going.study, going.plan.start
    study.sampler = TPESampler(seed=counted.key(start.seed, n_through) % 2**32)
    study.pruner = MedianPruner()
    if n_through == 0 and not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
        study.enqueue_trial(search_space.values_of(start, going.space))
    return study.ask(fixed_distributions=going.space)


@dataclass(kw_only=True)
class _Judge:
    """Tells the study of each epoch of a trial, and gives the trial up where it is hopeless."""

    trial: optuna.Trial
    after_step: Callable[[int, int, float], None]
    n_steps: int = 0

    def step(self, step: int, n_steps: int, loss: float) -> None:
        self.n_steps = n_steps
        self.after_step(step, n_steps, loss)

    def epoch(self, epoch: Record) -> None:
        assert epoch.validation_accuracy is not None
        self.trial.report(epoch.validation_accuracy, epoch.epoch)
        if epoch.step < self.n_steps and self.trial.should_prune():
            raise optuna.TrialPruned


def _figures(trained: Trained, keep: str) -> tuple[float, float]:
    """Validation loss and accuracy of the weights kept; DivergenceError where the loss is no number."""
    figures = [(record.validation_loss, record.validation_accuracy) for record in trained.history]
    measured = [(loss, accuracy) for loss, accuracy in figures if loss is not None and accuracy is not None]
    loss, accuracy = min(measured) if keep == "best" else measured[-1]
    if not math.isfinite(loss):
        raise DivergenceError(f"the validation loss is {loss}: the learning rate is too high")
    return loss, accuracy


def _through(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=THROUGH)


def _found(going: _Search, suggestion: float | None) -> Found:
    """The best trial, of equals the one with the lowest loss, and what mattered."""
    trials = _through(going.study)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        raise UserError(
            f"none of {len(trials)} trials came through; start from a lower learning rate than"
            f" {going.plan.start.learning_rate:g}, or ask for more trials"
        )
    best = max(complete, key=lambda trial: (_accuracy(trial), -trial.user_attrs["loss"]))
    return Found(
        data=going.plan.source,
        objective="accuracy on the validation split",
        options=best.user_attrs["options"],
        accuracy=_accuracy(best) or 0.0,
        loss=best.user_attrs["loss"],
        n_trials=len(trials),
        n_given_up=len(trials) - len(complete),
        suggested_rate=suggestion,
        importances=_importances(going.study, complete),
        versions={**directory.versions(), "optuna": optuna.__version__},
    )


def _importances(study: optuna.Study, complete: list[FrozenTrial]) -> dict[str, float]:
    if len({trial.value for trial in complete}) < 2:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def _accuracy(trial: FrozenTrial) -> float | None:
    return trial.value if trial.state == TrialState.COMPLETE else None


def _draw(found: Found, study: optuna.Study, path: Path) -> None:
    plot.importances(
        list(found.importances),
        list(found.importances.values()),
        trials=[_accuracy(trial) for trial in _through(study)],
        path=path,
    )

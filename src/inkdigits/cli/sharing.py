"""The command that makes a model fit to be given away. `cli` has those of the other rooms."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def card(  # noqa: PLR0913 (each is a flag)
    model: Path,
    /,
    *,
    data: str | None = None,
    evaluation: Path | None = None,
    robustness: Annotated[bool, Parameter(negative="")] = False,
    licence: str | None = None,
    watts: float | None = None,
    out: Path | None = None,
    push: str | None = None,
    revision: str | None = None,
    private: Annotated[bool, Parameter(negative="")] = False,
    despite_licence: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write a model's card, a README.md as the Hugging Face hub has it, and push both there if asked to.

    It says what the model learnt from and under which licences, how well it reads, its limits, the time and
    energy of its training, and how to make and to use it.

    Parameters
    ----------
    model
        A model file, a run directory, or a model that ships: house, reader.
    data
        Judge it on this set, a known one or a path to your own; by default a run's own figures are told.
    evaluation
        Take the figures from this file, which `inkdigits evaluate --json` printed; --data says what they are
        of.
    robustness
        Measure, too, what corrupted images cost; with --data.
    licence
        That of the weights, as the hub names it: apache-2.0, cc-by-sa-4.0, ….
    watts
        What the machine used while it trained; without it, energy is estimated from the threads.
    out
        The file to write, instead of printing it.
    push
        OWNER/NAME: upload card and model there, as whoever `hf auth login` or HF_TOKEN says.
    revision
        The commit that you have seen there last, so that nobody's newer work is written over; where the
        repository is new there is none.
    private
        Make the new repository one that only its owner sees.
    despite_licence
        Push although a set that the model learnt from is not for weights that are given away.

    """
    from inkdigits.cli import cards  # noqa: PLC0415

    asked = cards.Asked(
        data=data, evaluation=evaluation, robustness=robustness, licence=licence, watts=watts, out=out
    )
    target = cards.target(push, revision=revision, private=private, despite_licence=despite_licence)
    return cards.card(model, asked, target)

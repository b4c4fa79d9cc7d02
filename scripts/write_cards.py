#!/usr/bin/env python3
"""Writes the cards of the models that ship into docs/cards: `python scripts/write_cards.py`, with MNIST."""

from pathlib import Path

from inkdigits.cli import cards
from inkdigits.cli.cards import Asked

FOLDER = Path(__file__).parents[1] / "docs" / "cards"
NAMES = ("reader", "house")


def main() -> None:
    """Writes them."""
    for name in NAMES:
        asked = Asked(data="mnist", robustness=True, out=FOLDER / f"{name}.md")
        cards.card(Path(name), asked, None)


if __name__ == "__main__":
    main()

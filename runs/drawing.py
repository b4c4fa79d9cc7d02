"""Many pictures drawn by both cores, in chunks whose random numbers depend on their number alone."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from rich.progress import track

Chunk = TypeVar("Chunk")


def chunks(draw: Callable[[str, int], Chunk], purpose: str, n: int) -> list[Chunk]:
    """What `draw(purpose, number)` gives for each of n chunks, in their order, with a bar."""
    with ProcessPoolExecutor(2) as pool:
        coming = pool.map(draw, [purpose] * n, range(n))
        return list(track(coming, total=n, description=f"drawing {purpose}"))

"""How long to which accuracy: every preset, and the article's program, on the same cores in one go."""

from collections.abc import Sequence

from rich.console import Console

from bench import programs, results
from bench.programs import Measured
from inkdigits import data

PRESETS = ("sprint", "fast", "strong", "best")
SEEDS = 5

_console = Console(stderr=True)


def measure(presets: Sequence[str] = PRESETS, *, seeds: int = SEEDS, peer: bool = True) -> None:
    """Runs the presets and the peer, seed by seed in turn, and writes one results file for each."""
    if peer:
        programs.install_peer()
    runs: dict[str, list[Measured]] = {name: [] for name in (*presets, *(["article"] if peer else []))}
    for seed in range(seeds):
        for name, found in runs.items():
            found.append(_run(name, seed))
            last = found[-1]
            _console.print(f"{name} seed {seed}: {100 * last.accuracy:.2f} % after {last.seconds:.1f} s")
            _write(name, found)


def _run(name: str, seed: int) -> Measured:
    if name == "article":
        return programs.article(seed, data.fetch("mnist")[0].parent)
    return programs.inkdigits(seed, "--preset", name)


def _write(name: str, found: Sequence[Measured]) -> None:
    results.write(
        f"ladder-{name}",
        {
            "what": "from process start to saved model; accuracy on MNIST's test set, last epoch",
            "accuracy": results.spread([run.accuracy for run in found]),
            "seconds": results.spread([run.seconds for run in found]),
            "peak_mb": results.spread([run.peak_mb for run in found]),
            "seeds": [run.seed for run in found],
            "accuracies": [run.accuracy for run in found],
        },
    )

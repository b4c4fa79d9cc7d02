"""bf16 against fp32: the same presets, the same seeds, accuracy and time."""

from rich.console import Console

from bench import programs, results

_console = Console(stderr=True)


def measure(preset: str = "fast", *, seeds: int = 5) -> None:
    """Runs a preset in both precisions, seed by seed in turn."""
    runs: dict[str, list[programs.Measured]] = {"bf16": [], "fp32": []}
    for seed in range(seeds):
        for precision, found in runs.items():
            found.append(programs.inkdigits(seed, "--preset", preset, "--precision", precision))
            _console.print(f"{precision} seed {seed}: {100 * found[-1].accuracy:.2f} %")
    results.write(
        "precision",
        {
            "preset": preset,
            **{
                precision: {
                    "accuracy": results.spread([run.accuracy for run in found]),
                    "seconds": results.spread([run.seconds for run in found]),
                }
                for precision, found in runs.items()
            },
        },
    )

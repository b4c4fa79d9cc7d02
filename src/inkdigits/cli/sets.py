"""`inkdigits data list | fetch | info`: the known sets, and what is in any set."""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from inkdigits import data
from inkdigits.cli.output import print_json
from inkdigits.data import inspect, sheet
from inkdigits.data.duplicates import Duplicates

_PAIRS_SHOWN = 5


def list_sets(*, as_json: bool) -> int:
    """Prints every known set with its splits, licence and source."""
    entries = data.catalogue()
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return 0
    for entry in entries:
        print(f"{entry.name}: {entry.title}")
        print(f"    {entry.kind}; splits {', '.join(entry.splits)} ({entry.split_note})")
        print(f"    licence: {entry.licence}")
        print(f"    source: {entry.source}")
    return 0


def fetch(name: str) -> int:
    """Brings a known set into the cache and prints where its files lie."""
    print(*data.fetch(name), sep="\n")
    return 0


def info(source: str, *, picture: Path | None, as_json: bool) -> int:
    """Prints what a set holds, and draws its contact sheet where one was asked for."""
    if picture is not None:
        sheet.check_name(picture)
    found = inspect.info(source)
    if as_json:
        print_json(asdict(found))
    else:
        _tell(found)
    if picture is not None:
        inspect.contact_sheet(source, picture)
    return 0


def _tell(found: inspect.Info) -> None:
    # Labels and file names are printed as they are, whatever Rich would read in them.
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if found.known is not None:
        console.print(f"{found.known.title}\nlicence: {found.known.licence}")
    console.print(_counts(found))
    for split in found.splits:
        groups = "" if split.n_groups is None else f", {split.n_groups} writers or other groups"
        console.print(f"{split.split}: {split.n:,} images{groups}")
        if split.sha256:
            console.print(f"    SHA-256 {split.sha256}")
        if split.empty_classes:
            console.print(f"    no image of: {', '.join(split.empty_classes)}")
    for broken in found.broken:
        console.print(f"broken: {broken.file}: {broken.reason}")
    if found.duplicates is not None:
        _tell_duplicates(found.duplicates, console)


def _tell_duplicates(found: Duplicates, console: Console) -> None:
    console.print(
        f"duplicates: {found.n_exact_across:,} exact between splits,"
        f" {found.n_exact_within:,} exact within one, {found.n_near:,} near ones"
    )
    for kind, pairs in (("exact", found.exact), ("near", found.near)):
        for pair in pairs[:_PAIRS_SHOWN]:
            console.print(
                f"    {kind}: {pair.split} {pair.row} ({pair.label})"
                f" and {pair.other_split} {pair.other_row} ({pair.other_label})"
            )


def _counts(found: inspect.Info) -> Table:
    table = Table("label", box=None)
    for split in found.splits:
        table.add_column(split.split, justify="right")
    for label in found.splits[0].counts:
        table.add_row(label, *(f"{split.counts.get(label, 0):,}" for split in found.splits))
    return table

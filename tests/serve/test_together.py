"""Several processes and threads at one store, and some that are killed."""

import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from inkdigits.serve import database, store
from inkdigits.serve.store import Counts, NewCorrection, TooManyError

N_PROCESSES = 3

ADD = """
import sys
import numpy as np
from inkdigits.serve import store

url, source, count, most = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
kept = store.open(url, most_waiting=most)
print("open", flush=True)
sys.stdin.readline()
for seed in range(count):
    image = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
    new = store.NewCorrection(
        image=image, label="3", answer="5", confidence=0.5, model="reader", source=source
    )
    try:
        added = kept.add(new)
        print(added.id, store.image_hash(image), added.is_new, flush=True)
    except store.TooManyError:
        print("too many", flush=True)
kept.close()
"""

Adding = subprocess.Popen[str]


def adding(url: str, *, source: str, count: int, most: int) -> Adding:
    """A process that opens the store, and adds the images with the seeds 0, 1, … once it is told to."""
    return subprocess.Popen(
        [sys.executable, "-c", ADD, url, source, str(count), str(most)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin(*processes: Adding) -> None:
    """Tells them to, all at once as soon as all have opened the store."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()


def said(processes: Sequence[Adding]) -> list[str]:
    """All lines that they print, once they have begun together."""
    begin(*processes)
    ends = [process.communicate() for process in processes]
    assert [error for _, error in ends] == [""] * len(ends)
    return list(itertools.chain.from_iterable(lines.splitlines() for lines, _ in ends))


def correction(seed: int, *, source: str = "kitchen") -> NewCorrection:
    image = np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)
    return NewCorrection(image=image, label="3", answer="5", confidence=0.5, model="reader", source=source)


def test_what_several_processes_say_at_once_is_kept_once(url: str) -> None:
    count = 25
    processes = [adding(url, source=f"s{i}", count=count, most=1000) for i in range(N_PROCESSES)]
    lines = [line.split() for line in said(processes)]
    assert len(lines) == N_PROCESSES * count
    assert len({(added, sha256) for added, sha256, _ in lines}) == count
    assert Counter(is_new for _, _, is_new in lines)["True"] == count
    kept = store.open(url)
    assert kept.counts() == Counts(waiting=count)
    assert [each.id for each in kept.corrections(limit=100)] == sorted({int(added) for added, *_ in lines})
    kept.close()


def test_no_more_of_one_source_wait_than_may_however_many_processes_it_asks(url: str) -> None:
    processes = [adding(url, source="one", count=10, most=7) for _ in range(N_PROCESSES)]
    lines = said(processes)
    assert lines.count("too many") == N_PROCESSES * 3
    kept = store.open(url)
    assert kept.counts() == Counts(waiting=7)
    kept.close()


def test_threads_may_share_a_store(url: str) -> None:
    kept = store.open(url, most_waiting=10)

    def add(seed: int) -> bool | None:
        try:
            return kept.add(correction(seed % 20)).is_new
        except TooManyError:
            return None

    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(add, range(80)))
        assert added.count(True) == 10
        ids = [each.id for each in kept.corrections(limit=100)]
        reviewed = list(threads.map(lambda i: kept.review(ids, accept=bool(i % 2), by=str(i)), range(8)))
    assert sorted(reviewed) == [0] * 7 + [10]
    kept.close()


@pytest.mark.parametrize("n_lines", [1, 2, 40])
def test_a_killed_process_has_kept_whatever_it_was_told_is_kept(url: str, n_lines: int) -> None:
    process = adding(url, source="one", count=100_000, most=100_000)
    begin(process)
    assert process.stdout is not None
    told = list(itertools.islice(process.stdout, n_lines))
    process.kill()
    rest, _ = process.communicate()
    told += [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    kept = store.open(url, most_waiting=100_000)
    found = {(each.id, each.sha256): each.image for each in kept.corrections(limit=100_000)}
    for line in told:
        added, sha256, _ = line.split()
        image = found[int(added), sha256]
        assert image is not None
        assert store.image_hash(image) == sha256
    assert len(told) <= len(found) <= len(told) + 1
    assert kept.add(correction(10**6)).is_new
    kept.close()


def test_a_file_whose_writer_was_killed_is_whole(sqlite_url: str) -> None:
    process = adding(sqlite_url, source="one", count=100_000, most=100_000)
    begin(process)
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.communicate()
    engine = database.engine(sqlite_url)
    with database.reading(engine) as connection:
        assert connection.execute(sa.text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
    engine.dispose()


@pytest.mark.parametrize("end", [lambda process: process.kill(), lambda process: process.terminate()])
def test_whoever_is_killed_holds_up_nobody(url: str, end: Callable[[Adding], None]) -> None:
    process = adding(url, source="one", count=100_000, most=100_000)
    begin(process)
    kept = store.open(url)
    assert kept.add(correction(10**6)).is_new
    end(process)
    process.communicate()
    assert kept.add(correction(10**6 + 1)).is_new
    kept.close()

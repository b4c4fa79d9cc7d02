"""What people correct is kept, waits, counts once, and can be taken back: in SQLite and in PostgreSQL."""

import datetime
import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from inkdigits.errors import ArgumentError, UserError
from inkdigits.serve import database, entries, store
from inkdigits.serve.store import Added, Counts, NewCorrection, Store
from inkdigits.types import Gray

Say = Callable[..., Added]

HUGE = 10**30


def image(seed: int) -> Gray:
    return np.random.default_rng(seed).integers(0, 256, (28, 28), dtype=np.uint8)


def correction(seed: int = 0, label: str = "3", **others: Any) -> NewCorrection:
    said = {"answer": "5", "confidence": 0.75, "model": "reader", "source": "kitchen", **others}
    return NewCorrection(image=image(seed), label=label, **said)


@pytest.fixture
def kept(url: str) -> Iterator[Store]:
    opened = store.open(url)
    yield opened
    opened.close()


@pytest.fixture
def say(kept: Store) -> Say:
    """Adds a correction of the image with that seed."""
    return lambda seed=0, label="3", **others: kept.add(correction(seed, label, **others))


def states(kept: Store) -> list[str]:
    return [each.state for each in kept.corrections(limit=100)]


def labels(kept: Store) -> tuple[str, ...]:
    return kept.accepted().labels


def accept(kept: Store, *added: Added) -> int:
    return kept.review([each.id for each in added], accept=True, by="Ada")


def test_a_correction_waits_with_all_that_was_said(kept: Store) -> None:
    before = datetime.datetime.now(datetime.UTC)
    added = kept.add(correction(7, "é٣", answer="none", confidence=0.125, model="mine", source="10.0.0.7"))
    assert (added.state, added.is_new) == ("waiting", True)
    (found,) = kept.corrections("waiting", limit=10)
    assert (found.id, found.state, found.label, found.answer) == (added.id, "waiting", "é٣", "none")
    assert (found.confidence, found.model, found.source) == (0.125, "mine", "10.0.0.7")
    assert found.sha256 == hashlib.sha256(image(7).tobytes()).hexdigest()
    assert found.image is not None
    assert (found.image == image(7)).all()
    assert before <= found.made <= datetime.datetime.now(datetime.UTC)
    assert found.made.utcoffset() == datetime.timedelta(0)


def test_all_is_there_again_when_the_store_is_opened_again(url: str) -> None:
    first = store.open(url)
    added = first.add(correction())
    first.close()
    again = store.open(url)
    assert [each.id for each in again.corrections(limit=10)] == [added.id]
    assert added.undo is not None
    assert again.withdraw(added.id, added.undo) == "withdrawn"
    again.close()


def test_the_same_again_is_the_earlier_one(kept: Store, say: Say) -> None:
    first = say()
    again = say(source="somebody else", answer="8")
    assert again == Added(id=first.id, state="waiting", undo=None, is_new=False)
    accept(kept, first)
    assert say() == Added(id=first.id, state="accepted", undo=None, is_new=False)
    assert kept.counts() == Counts(accepted=1)


def test_another_label_or_another_image_is_a_correction_of_its_own(kept: Store, say: Say) -> None:
    assert len({say().id, say(label="4").id, say(seed=1).id}) == 3
    assert kept.counts() == Counts(waiting=3)


def test_what_was_withdrawn_or_rejected_can_be_said_again(kept: Store, say: Say) -> None:
    first = say()
    kept.withdraw(first.id, first.undo or "")
    second = say()
    kept.review([second.id], accept=False, by="Ada")
    third = say()
    assert third.is_new
    assert states(kept) == ["withdrawn", "rejected", "waiting"]


def test_of_one_image_the_last_accepted_counts(kept: Store, say: Say) -> None:
    three, four = say(label="3"), say(label="4")
    accept(kept, four)
    accept(kept, three)
    assert labels(kept) == ("3",)
    assert not say(label="3").is_new
    again = say(label="4")  # said before, but overruled since
    assert again.is_new
    accept(kept, again)
    assert labels(kept) == ("4",)
    kept.withdraw(again.id, again.undo or "")
    assert labels(kept) == ("3",)


def test_what_may_be_learnt_from_is_what_was_accepted_in_the_order_it_came(kept: Store, say: Say) -> None:
    said = [say(seed, label=str(seed), source=f"source {seed}") for seed in range(5)]
    accept(kept, said[4], said[1])
    accept(kept, said[0])
    kept.review([said[2].id], accept=False, by="Ada")
    found = kept.accepted()
    assert (found.images == np.stack([image(seed) for seed in (0, 1, 4)])).all()
    assert found.images.dtype == np.uint8
    assert found.labels == ("0", "1", "4")
    assert found.sources == ("source 0", "source 1", "source 4")


def test_an_empty_store_has_nothing_to_learn_from(kept: Store) -> None:
    found = kept.accepted()
    assert (found.images.shape, found.labels, found.sources) == ((0, 28, 28), (), ())
    assert kept.counts() == Counts()
    assert kept.corrections(limit=10) == ()


def test_only_what_waits_is_reviewed(kept: Store, say: Say) -> None:
    first, second, third = (say(seed) for seed in range(3))
    assert accept(kept, first, first) == 1
    assert kept.review([first.id, second.id, third.id + 1, 0, -1, HUGE], accept=False, by="Bob") == 1
    assert kept.review([], accept=True, by="Bob") == 0
    assert states(kept) == ["accepted", "rejected", "waiting"]
    assert kept.review(range(5000), accept=True, by="Bob") == 1


def test_its_maker_may_withdraw_a_correction_before_and_after_it_is_accepted(kept: Store, say: Say) -> None:
    waiting, accepted, rejected = (say(seed) for seed in range(3))
    accept(kept, accepted)
    kept.review([rejected.id], accept=False, by="Ada")
    for added, state in ((waiting, "withdrawn"), (accepted, "withdrawn"), (rejected, "rejected")):
        for _ in range(2):
            assert kept.withdraw(added.id, added.undo or "") == state
    assert labels(kept) == ()
    assert accept(kept, waiting) == 0


@pytest.mark.parametrize("id", [1, 2, 0, -1, HUGE])
@pytest.mark.parametrize("undo", ["", "guessed", "\ud800"])
def test_nobody_else_may_withdraw_it(sqlite_url: str, id: int, undo: str) -> None:  # noqa: A002
    kept = store.open(sqlite_url)
    kept.add(correction())
    with pytest.raises(store.NotThereError, match=f"no correction {id} that could be taken back"):
        kept.withdraw(id, undo)
    assert states(kept) == ["waiting"]
    kept.close()


def test_the_list_is_read_piece_by_piece(kept: Store, say: Say) -> None:
    ids = [say(seed).id for seed in range(5)]
    kept.review(ids[1:2], accept=True, by="Ada")
    first = kept.corrections("waiting", limit=2)
    assert [each.id for each in first] == [ids[0], ids[2]]
    assert [each.id for each in kept.corrections("waiting", limit=9, after=ids[2])] == ids[3:]
    assert [each.id for each in kept.corrections("accepted", limit=HUGE)] == ids[1:2]
    assert kept.corrections(limit=9, after=HUGE) == kept.corrections(limit=-1) == ()


def test_an_unknown_state_is_a_sentence(kept: Store) -> None:
    with pytest.raises(ArgumentError, match="'done'; one of: waiting, accepted, rejected, withdrawn"):
        kept.corrections("done", limit=1)  # type: ignore[arg-type]


def test_a_source_may_have_only_so_many_waiting(url: str) -> None:
    kept = store.open(url, most_waiting=2)
    first, second = (kept.add(correction(seed)) for seed in range(2))
    with pytest.raises(store.TooManyError, match="2 corrections from here wait to be reviewed"):
        kept.add(correction(2))
    assert not kept.add(correction(1)).is_new
    assert kept.add(correction(2, source="garden")).is_new
    accept(kept, first)
    assert kept.add(correction(3)).is_new
    with pytest.raises(store.TooManyError):
        kept.add(correction(4))
    kept.withdraw(second.id, second.undo or "")
    assert kept.add(correction(4)).is_new
    kept.close()


def test_what_is_made_and_taken_back_in_turn_has_a_bound(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = store.open(url, most_waiting=3)
    for seed in range(3):
        made = kept.add(correction(seed))
        kept.withdraw(made.id, made.undo or "")
    with pytest.raises(store.TooManyError, match="3 corrections from here were taken back within the hour"):
        kept.add(correction(3))
    assert kept.add(correction(3, source="garden")).is_new
    monkeypatch.setattr(entries, "TAKEN_BACK_COUNTS", datetime.timedelta())
    assert kept.add(correction(4)).is_new
    kept.close()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"label": "3" * 65}, "the label has 65 characters; it should have 64 at most"),
        ({"answer": "3" * 65}, "the answer has 65"),
        ({"model": "m" * 129}, "the model has 129"),
        ({"source": "s" * 129}, "the source has 129 characters; it should have 128 at most"),
        ({"label": "3\0"}, r"the label '3\\x00' should be text without NUL"),
        ({"source": "\ud800"}, r"the source '\\ud800' should be text"),
        ({"confidence": float("nan")}, "the confidence nan should be between 0 and 1"),
        ({"confidence": 1.5}, "the confidence 1.5"),
        ({"image": np.zeros((28, 27), np.uint8)}, r"28×28 bytes, not \(28, 27\) uint8"),
        ({"image": np.zeros((28, 28))}, "float64"),
    ],
)
def test_what_no_database_could_hold_is_a_sentence(kept: Store, said: dict[str, Any], sentence: str) -> None:
    whole = {"image": image(0), "label": "3", "answer": "5", "confidence": 0.5, "model": "m", "source": "s"}
    with pytest.raises(UserError, match=sentence):
        kept.add(NewCorrection(**{**whole, **said}))
    assert kept.counts() == Counts()


def test_what_is_as_long_as_may_be_is_kept(kept: Store, say: Say) -> None:
    say(label="é" * 64, answer="🖊" * 64, model="m" * 128, source="s" * 128)
    (found,) = kept.corrections(limit=1)
    assert (found.label, found.answer) == ("é" * 64, "🖊" * 64)


def test_images_can_be_kept_out(url: str) -> None:
    kept = store.open(url, keeps_images=False)
    added = kept.add(correction())
    assert not kept.add(correction()).is_new
    assert accept(kept, added) == 1
    (found,) = kept.corrections("accepted", limit=9)
    assert (found.image, found.sha256) == (None, store.image_hash(image(0)))
    assert len(kept.accepted().images) == 0
    assert (kept.delete_image(found.sha256), kept.delete_images()) == (False, 0)
    assert kept.counts() == Counts(accepted=1)
    kept.close()


def test_what_was_accepted_without_its_image_is_reviewed_again_with_it(url: str) -> None:
    without = store.open(url, keeps_images=False)
    accept(without, without.add(correction()))
    without.close()
    kept = store.open(url)
    added = kept.add(correction())
    assert added.is_new
    assert labels(kept) == ()
    accept(kept, added)
    assert labels(kept) == ("3",)
    kept.close()


def test_a_deleted_image_is_learnt_from_no_more(kept: Store, say: Say) -> None:
    accept(kept, say(0, label="3"), say(1))
    say(0, label="4")
    assert kept.delete_image(store.image_hash(image(0)).upper())
    for other in (store.image_hash(image(0)), "", "\ud800", "0" * 65):
        assert not kept.delete_image(other)
    assert [each.image is None for each in kept.corrections(limit=9)] == [True, False, True]
    assert states(kept) == ["withdrawn", "accepted", "withdrawn"]
    assert (kept.accepted().images == image(1)).all()


def test_a_deleted_image_that_is_sent_again_waits_again(kept: Store, say: Say) -> None:
    accept(kept, say())
    kept.delete_image(store.image_hash(image(0)))
    again = say()
    assert (again.is_new, again.state) == (True, "waiting")
    assert labels(kept) == ()


def test_all_images_can_be_deleted(kept: Store, say: Say) -> None:
    accept(kept, say(0), say(1))
    say(1, label="4")
    assert kept.delete_images() == 3
    assert kept.delete_images() == 0
    assert kept.counts() == Counts(withdrawn=3)
    assert len(kept.accepted().images) == 0


def test_what_was_written_is_never_changed(url: str) -> None:
    kept = store.open(url)
    engine = database.engine(url)

    def rows(table: str) -> list[tuple[Any, ...]]:
        with database.reading(engine) as connection:
            found = connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY id"))  # noqa: S608
            return [tuple(row) for row in found]

    added = kept.add(correction())
    corrections = rows("corrections")
    accept(kept, added)
    decided = rows("decisions")
    kept.withdraw(added.id, added.undo or "")
    kept.delete_images()
    assert rows("corrections") == corrections
    assert rows("decisions")[:1] == decided
    assert [row[2:4] for row in rows("decisions")] == [("accepted", "Ada"), ("withdrawn", "kitchen")]
    assert added.undo is not None
    assert added.undo not in str(corrections)
    engine.dispose()
    kept.close()


@pytest.mark.parametrize("name", ["a b", "why?", "{0}", "50%41", "#1", "ziffern-é", "a@b:c"])
def test_the_default_url_leads_into_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    kept = store.open(store.default_url(tmp_path / name))
    kept.add(correction())
    kept.close()
    assert [path.name for path in (tmp_path / name).iterdir()] == ["corrections.sqlite3"]


def python(program: str, *arguments: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_importing_the_store_is_quick() -> None:
    loaded = python("import sys; from inkdigits.serve import store; print(*sys.modules)").split()
    assert {"inkdigits.serve.store", "numpy"} <= set(loaded)
    assert {"sqlalchemy", "alembic", "psycopg"} & set(loaded) == set()


@pytest.mark.parametrize(
    ("missing", "url"),
    [("sqlalchemy", "sqlite:///x"), ("alembic", "sqlite:///x"), ("psycopg", "postgresql://nobody@/x")],
)
def test_what_isnt_installed_is_told_in_a_sentence(missing: str, url: str, tmp_path: Path) -> None:
    program = f"""
import os, sys
os.chdir(sys.argv[1])
sys.modules[{missing!r}] = None
from inkdigits.errors import UserError
from inkdigits.serve import store
try:
    store.open({url!r})
except UserError as error:
    print(error)
"""
    assert python(program, str(tmp_path)) == "the store needs pip install 'inkdigits[serve]'"

"""The store at work: what is added, decided, listed and deleted. What each method promises is in `store`."""

# ruff: noqa: D102

import datetime
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from sqlalchemy import Connection, Engine, Select, delete, exists, func, insert, select

from inkdigits.errors import ArgumentError, UserError
from inkdigits.serve import database, entries, revisions
from inkdigits.serve.entries import (
    STATES,
    Accepted,
    Added,
    Counts,
    NewCorrection,
    NotThereError,
    State,
    Stored,
    TooManyError,
)
from inkdigits.serve.tables import corrections, decisions, images
from inkdigits.types import SIDE, Gray

_MOST_ID = 2**63 - 1
_HASH = re.compile("[0-9a-fA-F]{64}")
_AT_ONCE = 1000
"""Ids in one statement: databases take only so many parameters."""
_UNDO_BYTES = 16
_DELETION = "deletion of the image"

_decision = (
    select(decisions.c.state)
    .where(decisions.c.correction_id == corrections.c.id)
    .order_by(decisions.c.id.desc())
    .limit(1)
    .correlate(corrections)
    .scalar_subquery()
)
_state = func.coalesce(_decision, "waiting").label("state")
_has_image = exists().where(images.c.correction_id == corrections.c.id)
_is_undecided = ~exists().where(decisions.c.correction_id == corrections.c.id)


def opened(url: str, *, keeps_images: bool, most_waiting: int) -> "Ledger":
    """What `store.open` gives."""
    engine = database.engine(url)
    try:
        _make_folder(engine)
        revisions.upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return Ledger(engine, keeps_images=keeps_images, most_waiting=most_waiting)


@final
class Ledger:
    """The store as SQLAlchemy has it."""

    def __init__(self, engine: Engine, *, keeps_images: bool, most_waiting: int) -> None:
        self._engine = engine
        self._keeps_images = keeps_images
        self._most_waiting = most_waiting

    def add(self, new: NewCorrection) -> Added:
        entries.require_usable(new)
        sha256 = entries.image_hash(new.image)
        with database.writing(self._engine) as connection:
            earlier = _same(self._of_image(connection, sha256), new.label)
            if earlier is not None:
                return Added(id=earlier.id, state=earlier.state, undo=None, is_new=False)
            self._require_room(connection, new.source)
            return self._added(connection, new, sha256)

    def withdraw(self, id: int, undo: str) -> State:  # noqa: A002
        with database.writing(self._engine) as connection:
            found = connection.execute(_about(id, corrections.c.undo_sha256, corrections.c.source)).first()
            if found is None or not hmac.compare_digest(found.undo_sha256, _hash(undo)):
                raise NotThereError(f"there is no correction {id} that could be taken back with this")
            if found.state not in {"waiting", "accepted"}:
                state: State = found.state
                return state
            _decide(connection, [id], "withdrawn", by=found.source)
        return "withdrawn"

    def review(self, ids: Iterable[int], *, accept: bool, by: str) -> int:
        entries.require_text("reviewer", by, most=entries.MOST_SOURCE)
        with database.writing(self._engine) as connection:
            waiting = _waiting(connection, ids)
            _decide(connection, waiting, "accepted" if accept else "rejected", by=by)
        return len(waiting)

    def corrections(self, state: State | None = None, *, limit: int, after: int = 0) -> tuple[Stored, ...]:
        if state is not None and state not in STATES:
            raise ArgumentError(f"unknown state {state!r}; one of: {', '.join(STATES)}")
        wanted = select(corrections, images.c.pixels, _state).outerjoin(images)
        wanted = wanted.where(corrections.c.id > _within(after))
        if state is not None:
            wanted = wanted.where(_state == state)
        with database.reading(self._engine) as connection:
            rows = connection.execute(wanted.order_by(corrections.c.id).limit(_within(limit))).all()
        return tuple(_stored(row) for row in rows)

    def counts(self) -> Counts:
        each = select(_state).select_from(corrections).subquery()
        with database.reading(self._engine) as connection:
            rows = connection.execute(select(each.c.state, func.count()).group_by(each.c.state))
            return Counts(**{row[0]: row[1] for row in rows})

    def accepted(self) -> Accepted:
        wanted = (
            select(corrections, images.c.pixels)
            .join(images)
            .join(decisions)
            .where(decisions.c.state == "accepted", _state == "accepted")
            .order_by(decisions.c.id)
        )
        with database.reading(self._engine) as connection:
            last = {row.sha256: row for row in connection.execute(wanted)}
        rows = sorted(last.values(), key=lambda row: row.id)
        pixels = np.frombuffer(b"".join(row.pixels for row in rows), np.uint8)
        return Accepted(
            images=pixels.reshape(-1, SIDE, SIDE),
            labels=tuple(row.label for row in rows),
            sources=tuple(row.source for row in rows),
        )

    def delete_image(self, sha256: str) -> bool:
        if not _HASH.fullmatch(sha256):
            return False
        return self._delete(select(corrections.c.id).where(corrections.c.sha256 == sha256.lower())) > 0

    def delete_images(self) -> int:
        return self._delete(select(images.c.correction_id))

    def close(self) -> None:
        self._engine.dispose()

    def _of_image(self, connection: Connection, sha256: str) -> Sequence[Any]:
        """What waits or is accepted of an image, what was accepted last at the end.

        Where images are kept, what is without doesn't count: nobody could review or learn it.
        """
        last = select(func.max(decisions.c.id)).where(decisions.c.correction_id == corrections.c.id)
        wanted = (
            select(corrections.c.id, corrections.c.label, _state)
            .where(corrections.c.sha256 == sha256, _state.in_(("waiting", "accepted")))
            .order_by(last.correlate(corrections).scalar_subquery(), corrections.c.id)
        )
        if self._keeps_images:
            wanted = wanted.where(_has_image)
        return connection.execute(wanted).all()

    def _require_room(self, connection: Connection, source: str) -> None:
        waiting = select(func.count()).where(corrections.c.source == source, _is_undecided)
        if connection.execute(waiting).scalar_one() >= self._most_waiting:
            raise TooManyError(
                f"{self._most_waiting} corrections from here wait to be reviewed, as many as may; "
                "come again once some are"
            )
        # Or a store that only grows would have no bound: made and taken back in turn, nothing ever waits.
        taken_back = _taken_back(source, since=_now() - entries.TAKEN_BACK_COUNTS)
        if connection.execute(taken_back).scalar_one() >= self._most_waiting:
            raise TooManyError(
                f"{self._most_waiting} corrections from here were taken back within the hour, "
                "as many as may; come again later"
            )

    def _added(self, connection: Connection, new: NewCorrection, sha256: str) -> Added:
        undo = secrets.token_urlsafe(_UNDO_BYTES)
        row = insert(corrections).values(
            sha256=sha256,
            label=new.label,
            answer=new.answer,
            confidence=float(new.confidence),
            model=new.model,
            source=new.source,
            undo_sha256=_hash(undo),
            made=_now(),
        )
        made = connection.execute(row.returning(corrections.c.id)).scalar_one()
        if self._keeps_images:
            connection.execute(insert(images).values(correction_id=made, pixels=new.image.tobytes()))
        return Added(id=made, state="waiting", undo=undo, is_new=True)

    def _delete(self, ids: Select[tuple[int]]) -> int:
        with database.writing(self._engine) as connection:
            withdrawn = select(corrections.c.id).where(
                corrections.c.id.in_(ids), _has_image, _state.in_(("waiting", "accepted"))
            )
            _decide(connection, connection.execute(withdrawn).scalars().all(), "withdrawn", by=_DELETION)
            n = connection.execute(delete(images).where(images.c.correction_id.in_(ids))).rowcount
        # Where there was nothing to delete too: a call that was killed here is made good by the next.
        database.wipe(self._engine, images.name)
        return n


def _make_folder(engine: Engine) -> None:
    """The folder of an SQLite file."""
    if engine.dialect.name != "sqlite":
        return
    folder = Path(engine.url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write in {folder}: {error.strerror}; name another store") from error


def _about(id: int, *columns: Any) -> Select[Any]:  # noqa: A002
    return select(*columns, _state).where(corrections.c.id == _within(id))


def _within(number: int) -> int:
    """The number, or the nearest that every database takes."""
    return min(max(number, 0), _MOST_ID)


def _same(rows: Sequence[Any], label: str) -> Any:
    """The row that says of an image what `label` does: one that waits, or the last accepted; or None."""
    waiting = [row for row in rows if row.state == "waiting"]
    accepted = [row for row in rows if row.state == "accepted"]
    return next((row for row in [*waiting, *accepted[-1:]] if row.label == label), None)


def _taken_back(source: str, *, since: datetime.datetime) -> Select[int]:
    """Counts what the source has taken back itself since then."""
    wanted = select(func.count()).select_from(decisions).join(corrections)
    return wanted.where(
        corrections.c.source == source,
        decisions.c.state == "withdrawn",
        decisions.c.decided_by == source,
        decisions.c.made >= since,
    )


def _waiting(connection: Connection, ids: Iterable[int]) -> list[int]:
    wanted = sorted({each for each in ids if 0 < each <= _MOST_ID})
    found: list[int] = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = corrections.c.id.in_(wanted[start : start + _AT_ONCE])
        chosen = select(corrections.c.id).where(some, _is_undecided)
        found += connection.execute(chosen.order_by(corrections.c.id)).scalars()
    return found


def _decide(connection: Connection, ids: Sequence[int], state: State, *, by: str) -> None:
    if ids:
        same = {"state": state, "decided_by": by, "made": _now()}
        connection.execute(insert(decisions), [{"correction_id": each, **same} for each in ids])


def _stored(row: Any) -> Stored:
    return Stored(
        id=row.id,
        sha256=row.sha256,
        image=None if row.pixels is None else _image(row.pixels),
        label=row.label,
        answer=row.answer,
        confidence=row.confidence,
        model=row.model,
        source=row.source,
        made=row.made,
        state=row.state,
    )


def _image(pixels: bytes) -> Gray:
    return np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE)


def _hash(undo: str) -> str:
    return hashlib.sha256(undo.encode("utf-8", "replace")).hexdigest()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)

#!/usr/bin/env python3
"""Deletes the coverage files that a killed process left half written, which `coverage combine` breaks off at.

Tests kill processes on purpose, and coverage writes SQLite without a journal: one that dies while it
writes leaves a torn file. The lines it ran are lost, and no others.
"""

import sqlite3
from pathlib import Path

from coverage import CoverageData
from coverage.exceptions import CoverageException

for path in sorted(Path().glob(".coverage.*")):
    try:
        data = CoverageData(basename=str(path))
        data.read()
        CoverageData(no_disk=True).update(data)  # a torn file may open, and only break when it is joined
    except (CoverageException, sqlite3.DatabaseError) as error:  # it may only break while it is read through
        print(f"{path.name}: torn by a killed process, left out ({error})")
        path.unlink()

"""Which code an emulator runs, so that one started before a change is not taken for current."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint() -> str:
    """A hash over the emulator's Python files."""
    folder = Path(__file__).parent
    found = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("resources/*.py")]):
        if path.name != "control.py":
            found.update(path.name.encode())
            found.update(path.read_bytes())
    return found.hexdigest()

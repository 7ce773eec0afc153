"""The checkpoints of a run: the newest two, in a directory of their own.

A file is called after the update and the model, ``0000120-scratch.safetensors``. Where both models
are trained side by side, a checkpoint is two files, and counts once both are there. An older one
is removed only after a newer one is complete, so that there is one at any moment.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from compare.files import UNFINISHED, named, sync_directory, system
from compare.runs.checkpoint.container import CheckpointError
from compare.runs.checkpoint.contents import Checkpoint, load, save

KEPT = 2


class Store:
    """The directory of a run's checkpoints.

    Parameters
    ----------
    directory : Path
        Need not be there before the first checkpoint is saved.
    num_sides : int
        Files that a complete checkpoint has: 2 where both models are trained, 1 where one is,
        whichever that may be.
    """

    def __init__(self, directory: Path, num_sides: int) -> None:
        self.directory = directory
        self.num_sides = num_sides

    def save(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Write one checkpoint, a file for each side, and remove those that are too old.

        Parameters
        ----------
        checkpoints : iterable of Checkpoint
            One for each side, all of the same update.

        Raises
        ------
        OSError
            If a file cannot be written or removed. The checkpoint before is there still.
        """
        if not self.directory.is_dir():
            try:
                system.mkdir(self.directory)
                sync_directory(self.directory.parent)
            except OSError as error:
                raise named(error, self.directory) from None
        update = 0
        for checkpoint in checkpoints:
            update = checkpoint.position.update
            save(self._path(update, checkpoint.side), checkpoint)
        self._prune(update)

    def newest(self) -> tuple[dict[str, Checkpoint], list[CheckpointError]]:
        """Load the newest checkpoint that is complete and undamaged.

        Returns
        -------
        checkpoints : dict of side to Checkpoint
        damaged : list of CheckpointError
            What was wrong with newer ones.

        Raises
        ------
        CheckpointError
            If there is none.
        """
        damaged: list[CheckpointError] = []
        files = self._files()
        for update in self._complete():
            try:
                return {side: self._load(update, side) for side in sorted(files[update])}, damaged
            except CheckpointError as error:
                damaged.append(error)
        if damaged:
            raise damaged[0]
        raise CheckpointError(f"expected a checkpoint in {self.directory}, got none")

    def _load(self, update: int, side: str) -> Checkpoint:
        path = self._path(update, side)
        checkpoint = load(path)
        found = (checkpoint.position.update, checkpoint.side)
        if found != (update, side):
            raise CheckpointError(
                f"expected update {update:,} of {side} in {path}, as its name says, "
                f"got update {found[0]:,} of {found[1]}"
            )
        return checkpoint

    def _complete(self) -> list[int]:
        """Return the updates at which there are enough files, the newest first."""
        files = self._files()
        return sorted((u for u in files if len(files[u]) >= self.num_sides), reverse=True)

    def _files(self) -> dict[int, set[str]]:
        """Return, for each update, the sides that have a file."""
        files: dict[int, set[str]] = {}
        with suppress(OSError):
            for path in self.directory.iterdir():
                if match := re.fullmatch(r"(\d{7,18})-(scratch|concise)\.safetensors", path.name):
                    files.setdefault(int(match[1]), set()).add(match[2])
        return files

    def _prune(self, newest: int) -> None:
        """Remove all but the newest: the older, the unfinished, and what claims to be newer."""
        kept = [update for update in self._complete() if update <= newest][:KEPT]
        files = [(update, side) for update, sides in self._files().items() for side in sides]
        old = [self._path(update, side) for update, side in files if update not in kept]
        for path in [*old, *self.directory.glob(f"*{UNFINISHED}")]:
            try:
                system.unlink(path)
            except OSError as error:
                raise named(error, path) from None

    def _path(self, update: int, side: str) -> Path:
        return self.directory / f"{update:07d}-{side}.safetensors"

"""The newest two checkpoints of a run.

The name of a file is the update and the model, ``0000120-scratch.safetensors``. If both models are
trained, a checkpoint is two files, and is complete when both exist. An older one is removed after a
newer one is complete, so there is always one.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from compare.files import UNFINISHED, name_file, sync_directory, system
from compare.runs.checkpoint.container import CheckpointError
from compare.runs.checkpoint.contents import Checkpoint, load, save

KEPT = 2


@dataclass(frozen=True, slots=True)
class Store:
    """The directory of a run's checkpoints, created with the first one."""

    directory: Path
    num_sides: int  # files of a complete checkpoint: 2 if both models are trained, else 1

    def save(self, checkpoints: Iterable[Checkpoint]) -> None:
        """Write one checkpoint, a file for each model, and remove all but the newest two.

        If that fails, the previous checkpoint is kept.
        """
        if not self.directory.is_dir():
            with name_file(self.directory):
                system.mkdir(self.directory)
                sync_directory(self.directory.parent)
        update = 0
        for checkpoint in checkpoints:
            update = checkpoint.position.update
            save(self._path(update, checkpoint.side), checkpoint)
        self._prune(update)

    def newest(self) -> tuple[dict[str, Checkpoint], list[CheckpointError]]:
        """Return the newest complete checkpoint that is undamaged, and the errors of newer ones.

        If there is none, the error of the newest one is raised.
        """
        damaged: list[CheckpointError] = []
        for update, sides in self._complete().items():
            try:
                return {side: self._load(update, side) for side in sorted(sides)}, damaged
            except CheckpointError as error:
                damaged.append(error)
        if damaged:
            raise damaged[0]
        raise CheckpointError(f"expected a checkpoint in {self.directory}, got none")

    def _load(self, update: int, side: str) -> Checkpoint:
        path = self._path(update, side)
        checkpoint = load(path, within=self.directory.parent)
        found = (checkpoint.position.update, checkpoint.side)
        if found != (update, side):
            raise CheckpointError(
                f"expected update {update:,} of {side} in {path}, as its name says, "
                f"got update {found[0]:,} of {found[1]}"
            )
        return checkpoint

    def _complete(self) -> dict[int, set[str]]:
        """Return the models of each complete checkpoint by its update, the newest first."""
        files = sorted(self._files().items(), reverse=True)
        return {update: sides for update, sides in files if len(sides) >= self.num_sides}

    def _files(self) -> dict[int, set[str]]:
        """Return the models that have a file, for each update."""
        files: dict[int, set[str]] = {}
        with suppress(OSError):
            for path in self.directory.iterdir():
                if match := re.fullmatch(r"(\d{7,18})-(scratch|concise)\.safetensors", path.name):
                    files.setdefault(int(match[1]), set()).add(match[2])
        return files

    def _prune(self, newest: int) -> None:
        """Remove older checkpoints, temporary files, and those with a later update in the name."""
        kept = [update for update in self._complete() if update <= newest][:KEPT]
        files = [(update, side) for update, sides in self._files().items() for side in sides]
        old = [self._path(update, side) for update, side in files if update not in kept]
        for path in [*old, *self.directory.glob(f"*{UNFINISHED}")]:
            with name_file(path):
                system.unlink(path)

    def _path(self, update: int, side: str) -> Path:
        return self.directory / f"{update:07d}-{side}.safetensors"

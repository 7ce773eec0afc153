"""The newest two checkpoints of a run.

The name of a file is the update and the model, ``0000120-scratch.safetensors``. If both models are
trained, a checkpoint is two files, and is complete when both exist. An older one is removed after a
newer one is complete, so there is always one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compare.files import UNFINISHED, name_file, sync_directory, system
from compare.runs.checkpoint.container import CheckpointError
from compare.runs.checkpoint.contents import Checkpoint, load, save

KEPT = 2
NAME = r"(\d{7,18})-(scratch|concise)"
"""The name of a checkpoint: the update and the model."""


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
            save(self.directory / f"{update:07d}-{checkpoint.side}.safetensors", checkpoint)
        self._prune(update)

    def newest(self) -> tuple[dict[str, Checkpoint], list[CheckpointError]]:
        """Return the newest complete checkpoint that is undamaged, and the errors of newer ones.

        If there is none, the error of the newest one is raised.
        """
        damaged: list[CheckpointError] = []
        for paths in self._complete().values():
            try:
                return {side: load(path) for side, path in paths.items()}, damaged
            except CheckpointError as error:
                damaged.append(error)
        if damaged:
            raise damaged[0]
        raise CheckpointError(f"expected a checkpoint in {self.directory}, got none")

    def _complete(self) -> dict[int, dict[str, Path]]:
        """Return the files of each complete checkpoint by update and model, the newest first."""
        files = sorted(self._files().items(), reverse=True)
        return {update: paths for update, paths in files if len(paths) >= self.num_sides}

    def _files(self) -> dict[int, dict[str, Path]]:
        """Return all files by update and model."""
        files: dict[int, dict[str, Path]] = {}
        for path in self.directory.glob("*.safetensors"):
            if match := re.fullmatch(NAME, path.stem):
                files.setdefault(int(match[1]), {})[match[2]] = path
        return files

    def _prune(self, newest: int) -> None:
        """Remove older checkpoints, temporary files, and those with a later update in the name."""
        kept = [update for update in self._complete() if update <= newest][:KEPT]
        old = [paths for update, paths in self._files().items() if update not in kept]
        pattern = re.compile(rf"{NAME}\.safetensors(\.\d+)?{re.escape(UNFINISHED)}")
        unfinished = [file for file in self.directory.iterdir() if pattern.fullmatch(file.name)]
        for path in [*(path for paths in old for path in paths.values()), *unfinished]:
            with name_file(path):
                system.unlink(path)

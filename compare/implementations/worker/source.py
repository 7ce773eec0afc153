"""The user's code that a process loads, the limits of the process, and the notes about it."""

from dataclasses import dataclass, field

FIRST_PRINTED = 400  # characters of the printed text that are kept
PATIENCE = 8.0  # wall time that calls may take, as a multiple of their processor time


@dataclass(frozen=True, slots=True)
class Source:
    """A file or a module, perhaps a class in it, and the limits of its process."""

    file: str = ""
    module: str = ""  # the library of a layer that is in a file; without a file, what has the class
    name: str = ""  # of a class or of a layer in a file, which may be the only one
    folders: tuple[str, ...] = ()  # put before `sys.path`
    submissions: str = ""  # the folder of a class, from which the file imports nobody else's
    numpy_only: bool = False  # whether other imports are refused
    resolver: str = ""  # a file whose function `adapt` returns the object to call for a class
    interpreter: str = ""  # a file that is loaded before the code, to interpret its kernels
    seconds: float = 10.0  # of the processor, for each call; loading a module has a minute
    gibibytes: float = 4.0
    total: float = 300.0  # seconds of the processor, for all calls
    patience: float = PATIENCE  # less where wall time is measured

    @property
    def is_layer(self) -> bool:
        """Whether it is a layer, and not the functions of a file."""
        return bool(self.name or self.module)


@dataclass(slots=True)
class Notes:
    """The report's notes beside the results, for all processes of a submission."""

    imported: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)  # audit events of processes
    launched: list[dict[str, object]] = field(default_factory=list)  # Triton's kernels, once each
    launched_here: list[dict[str, object]] = field(default_factory=list)  # on the current case
    hints: list[str] = field(default_factory=list)  # why their numbers may be wrong
    operations: int = 0  # that the interpreter has computed
    first: str = ""  # what it printed first
    seconds: float = 0.0  # of wall time, of all calls
    processor: float = 0.0  # seconds of the processor, of all calls

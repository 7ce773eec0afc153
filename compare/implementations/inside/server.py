"""The process of the user's code: reads requests, calls the code, and writes answers.

It is started as a file, so that nothing of this project is imported here: the standard library
and NumPy are enough. Requests come by standard input, answers leave by a copy of standard output;
what the user's code prints goes to standard error.
"""

import functools
import importlib.util
import os
import sys
import time
import timeit
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
OURS = "_rnn_parity_"  # prefix of our modules in `sys.modules`: the user may have their names

EXTREME = 1e20  # a case has larger numbers only to see where they go, like NaN
LARGEST_FILE = 2**26  # bytes that may be written into a file
SPARE_SECONDS = 60  # of the processor, after which the system ends the process

FAILS = " fails to "  # in the reason why a statement of a script or a notebook has not set a name
NO_CLASS = "NoSuchClass"  # the kind of a failure: a name that a file or a module does not have

CELL = ", cell "  # between the file and the number, in the name of a notebook's cell

Head = dict[str, Any]  # the JSON of a message, and a value in it
Arrays = list[np.ndarray]


def load_file(file: str | Path, prefix: str = "") -> ModuleType:
    """Import a file by its path."""
    name = prefix + Path(file).stem
    if name in sys.modules:
        name = f"{name}_of_a_file"
    spec: Any = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Server:
    """The user's module, and its objects, which stay here.

    `messages` is the module of this folder, however it was imported. `exchange` passes a message to
    the process of the check and returns its answer. `audit` is another module of this folder;
    without it nothing is noted or refused.
    """

    def __init__(
        self, messages: Any, exchange: Callable[..., tuple[Head, Arrays]], audit: Any = None
    ) -> None:
        self.pack, self.unpack = messages.pack, messages.unpack
        self.lay_out, self.clean, self.whole = messages.lay_out, messages.clean, messages.WHOLE
        self.exchange = exchange
        self.audit, self.watch = audit, audit and audit.Watch()
        self.objects: dict[int, Any] = {}
        self.module: Any = None
        self.interpreter: Any = None
        self.replaced: dict[str, Any] = {}

    def answer(self, head: Head, arrays: Arrays) -> tuple[Head, Arrays]:
        """Answer a request, with what was raised if it cannot be answered."""
        sent: Arrays = []
        try:
            answer = getattr(self, f"do_{head['do']}")(head, arrays, sent)
        except BaseException as error:
            return self.refusal(error, str(head.get("file", "")))
        return answer | self._list_notes(), sent

    def refusal(self, error: BaseException, file: str = "") -> tuple[Head, Arrays]:
        """Return the answer that says what was raised."""
        raised: Head = _describe(
            error, file or str(getattr(self.module, "__file__", "")), self.clean
        )
        left_out = getattr(self.module, "_left_out", {})  # of a notebook
        why = self.notebook.explain_name(error, left_out) if left_out else ""
        raised["message"] += why
        if FAILS in why:  # which names the line that has to be changed
            raised["where"] = ""
        elif not why and isinstance(error, AttributeError) and error.obj is self.module:
            layers = ", ".join(_list_layers(self.module)) or "none"
            place = Path(file).name or getattr(self.module, "__name__", "")
            message = f"{place} has no class {error.name}; it has {layers}"
            raised = {"kinds": [NO_CLASS], "message": self.clean(message)[:300], "where": ""}
        return {"raised": raised} | self._list_notes(), []

    def _list_notes(self) -> Head:
        """Return what the code has imported, opened, started and launched."""
        noted: Head = {}
        if self.watch:
            noted = {"opened": self.watch.opened, "started": self.watch.started}
            noted["imported"] = self.watch.list_imported()
        return {"seen": noted, **(self.interpreter.take_notes() if self.interpreter else {})}

    def do_load(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Import a file or a module, perhaps again; return the names in it, and its adapter."""
        self.objects, self.replaced = {}, {}
        if self.module is None:
            self._prepare(head)
        sys.modules.pop(getattr(self.module, "__name__", ""), None)
        name, module, file = head["name"], head["module"], head["file"]
        load_own, load = self.notebook.load_notebook, importlib.import_module
        self.module = load(module) if module else load_own(Path(file))
        target, *adapted_values = self.module, "", [""], [], "", False
        if name or module:
            resolver: Any = load_file(head["resolver"], OURS)
            target, *adapted_values = resolver.adapt(target, name, file)
        self.objects[0] = target
        names = ("adapter", "kinds", "arguments", "rest", "infers_only")
        adapted = dict(zip(names, adapted_values, strict=True))
        contents = {"classes": _list_layers(self.module), "names": _list_callables(target)}
        skipped = [self.clean(line)[:300] for line in getattr(self.module, "_skipped", [])]
        return adapted | contents | {"skipped": skipped}

    def _prepare(self, head: Head) -> None:
        """Load what comes before the user's code."""
        self.notebook: Any = load_file(FOLDER / "notebook.py", OURS)
        if self.watch:  # its own process
            sys.addaudithook(self.watch)
            if head["numpy_only"]:
                sys.meta_path.insert(0, self.audit.NumpyOnly(head["folders"]))
            if head["file"]:
                sys.argv = [head["file"]]
                self.notebook.search_folders(head["submissions"], head["file"])
        begin = _count_standard() if head["submissions"] else 0
        sys.path[begin:begin] = head["folders"]
        if head["interpreter"]:
            self.interpreter = load_file(head["interpreter"], OURS)

    def do_call(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Call a function of the module, or a method of an object."""
        arrays = [self.lay_out(*pair) for pair in zip(arrays, head["layouts"], strict=True)]
        before = [item.copy() for item in arrays]
        args = [self._find_argument(item, arrays) for item in head["args"]]
        kwargs = {name: self._find_argument(item, arrays) for name, item in head["kwargs"].items()}
        target = self.objects[head["of"]]
        if head["method"]:
            target = getattr(target, head["method"])
        with np.errstate(all="ignore") if _has_extremes(arrays) else nullcontext():
            result = target(*args, **kwargs)
        number = 1 + max(self.objects)
        self.objects[number] = result
        keep, names = head["keep"], []
        if self.whole in keep:
            result, names = None, _list_callables(result)
        else:
            result = _leave_out(result, keep)
        pairs = enumerate(zip(before, arrays, strict=True))
        changed = [k for k, (old, new) in pairs if old.tobytes() != new.tobytes()]
        packed = self.pack(result, sent)  # the first arrays that are sent
        return {
            "result": packed,
            "number": number,
            "names": names,
            "written": [[k, self.pack(arrays[k], sent)] for k in changed],
        }

    def do_time(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Make some calls, one after the other, so many times; return the mean time of all.

        A library may compute only when its result is read, so results are read within the time. As
        an argument of a later call, the first call's result is object -1, the second's -2.
        """
        arrays = [self.lay_out(*pair) for pair in zip(arrays, head["layouts"], strict=True)]
        calls = [(getattr(self.objects[c["of"]], c["method"]), c) for c in head["calls"]]

        def run() -> None:
            for number, (function, call) in enumerate(calls, start=1):
                result = function(*(self._find_argument(item, arrays) for item in call["args"]))
                self.objects[-number] = result
                self.pack(_leave_out(result, call["keep"]), [])

        seconds = timeit.Timer(run, timer=time.perf_counter).timeit(head["times"]) / head["times"]
        for number in range(1, len(calls) + 1):
            del self.objects[-number]
        return {"seconds": seconds}

    def do_get(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Return an object, or its attribute, as it is now; `double` doubles its arrays."""
        value = self.objects[head["of"]]
        for name in head["path"]:
            value = value[name] if isinstance(name, int) else getattr(value, name)
        if head["without"] and isinstance(value, tuple | list):
            value = [None if k in head["without"] else item for k, item in enumerate(value)]
        packed = self.pack(value, sent)
        for array in sent if head["double"] else ():
            if array.flags.writeable and array.dtype.kind == "f":
                np.ldexp(array, 1, out=array)
        return {"result": packed}

    def do_forget(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Delete all results but those whose numbers are in `keep`."""
        numbers = {0, *head["keep"]}
        self.objects = {n: value for n, value in self.objects.items() if n in numbers}
        return {}

    def do_replace(self, head: Head, arrays: Arrays, sent: Arrays) -> Head:
        """Replace functions of the module by ours, and restore the others."""
        for name, function in self.replaced.items():
            setattr(self.module, name, function)
        self.replaced = {name: getattr(self.module, name, None) for name in head["names"]}
        for name in head["names"]:
            setattr(self.module, name, functools.partial(self.call_back, name))
        return {}

    def call_back(self, name: str, *args: object) -> object:
        """Return the result of our function in the place of one of the module."""
        sent: Arrays = []
        packed = [self.pack(item, sent) for item in args]
        head, arrays = self.exchange({"call": name, "args": packed}, sent)
        if "refused" in head:
            raise TypeError(head["refused"])
        return self.unpack(head["result"], arrays)

    def _find_argument(self, packed: Head, arrays: Arrays) -> Any:
        """Return an argument; a reference means an object, or a part of one."""
        if "ref" not in packed:
            return self.unpack(packed, arrays)
        value = self.objects[packed["ref"]]
        for k in packed["path"]:
            value = value[k]
        return value


def _count_standard() -> int:
    """Return how many entries of `sys.path` there are up to the end of the standard library."""
    library = Path(os.__file__).parent
    standard = str(library), str(library / "lib-dynload")
    return max(k for k, entry in enumerate(sys.path, start=1) if entry in standard)


def _has_extremes(arrays: Arrays) -> bool:
    """Return whether arrays have NaN, infinity or other numbers that no network sees.

    A warning of NumPy would blame a line of the user's that may be right.
    """
    return not all((np.abs(array) < EXTREME).all() for array in arrays if array.dtype.kind == "f")


def _leave_out(result: Any, keep: list[int]) -> Any:
    """Return a result without the items that this process keeps."""
    if keep and isinstance(result, tuple | list):
        return tuple(None if k in keep else item for k, item in enumerate(result))
    return result


def _list_callables(target: object) -> list[str]:
    """Return the names of everything in it that can be called."""
    public = [name for name in dir(target) if name == "__call__" or not name.startswith("_")]
    return [name for name in public if callable(getattr(target, name, None))]


def _list_layers(module: Any) -> list[str]:
    """Return the classes of a file or of a module that can be called, or else all of them.

    A script without one may import those of another file in its folder, or that file.
    """
    values = vars(module)
    kinds = {name: value for name, value in values.items() if isinstance(value, type)}
    own = {kind.__name__: kind for kind in kinds.values() if kind.__module__ == module.__name__}
    if not own:
        own = {n: kind for n, kind in kinds.items() if _is_beside(kind.__module__, module)}
        for name, value in values.items():
            if isinstance(value, ModuleType) and _is_beside(value.__name__, module):
                own |= {f"{name}.{n}": k for n, k in vars(value).items() if isinstance(k, type)}
    layers = [name for name, kind in own.items() if {"forward", "__call__"} & {*dir(kind)}]
    return layers or [*own]


def _is_beside(name: str, module: ModuleType) -> bool:
    """Return whether a module's file is in the folder of another's."""
    file, other = (str(getattr(m, "__file__", "")) for m in (sys.modules.get(name), module))
    return bool(file) and Path(file).parent == Path(other).parent


def _describe(error: BaseException, file: str, clean: Callable[[str], str]) -> Head:
    """Return what was raised, and the line of the user's file."""
    places = [(f.filename, f.lineno) for f in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.lineno is not None:
        places.append((error.filename or file, error.lineno))
    user_places = [place for place in places if file and (place[0] + CELL).startswith(file + CELL)]
    where = ""
    if user_places:
        name, line = user_places[-1]
        cell = name.removeprefix(file)  # of a notebook
        where = clean(f"{Path(file).name}{cell}, line {line}" if cell else f"line {line}")
    kinds = [clean(kind.__name__[:100]) for kind in type(error).__mro__]
    message = ""
    with suppress(Exception):  # of the user's class
        message = str(error.msg if isinstance(error, SyntaxError) else error)
        if isinstance(error, SyntaxError) and error.text:
            message += f" in `{error.text.strip()}`"
    return {"kinds": kinds, "message": clean(message)[:300], "where": where}


def limit_process(gibibytes: float, seconds: float) -> None:
    """Limit memory, the size of a file and the time of the processor, where the system can.

    The time ends a loop that nobody waits for any more.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    memory = getattr(resource, "RLIMIT_DATA", resource.RLIMIT_AS)  # a GPU's driver reserves more
    limits = (memory, gibibytes * 2**30), (resource.RLIMIT_FSIZE, LARGEST_FILE)
    for kind, most in (*limits, (resource.RLIMIT_CPU, seconds + SPARE_SECONDS)):
        with suppress(ValueError, OSError, OverflowError):  # there may be no limit: infinity
            resource.setrlimit(kind, (int(most), int(most)))


def serve(gibibytes: float, seconds: float) -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the user's code prints
    sys.dont_write_bytecode = True  # beside the user's files
    messages, audit = (load_file(FOLDER / f"{name}.py", OURS) for name in ("messages", "audit"))
    limit_process(gibibytes, seconds)

    def send(head: Head, arrays: Arrays) -> None:
        answers.write(messages.encode_message(head, arrays))
        answers.flush()

    def exchange(head: Head, arrays: Arrays) -> tuple[Head, Arrays]:
        send(head, arrays)
        answer: tuple[Head, Arrays] = messages.read(requests)
        return answer

    server = Server(messages, exchange, audit)
    send({}, [])  # it reads requests now
    while True:
        try:
            head, arrays = messages.read(requests)
        except EOFError:
            return
        answer = server.answer(head, arrays)
        with suppress(Exception):  # whatever the user's code has made of it
            sys.stdout.flush()
        try:
            send(*answer)
        except Exception as error:  # a result that is too large, or no JSON, is not sent
            send(*server.refusal(error))


if __name__ == "__main__":
    serve(float(sys.argv[1]), float(sys.argv[2]))

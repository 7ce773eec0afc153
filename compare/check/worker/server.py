"""The process in which a submission's code runs. It is told what to call, calls it, and answers.

It is started as a file, so that nothing of this project is imported here: the standard library
and NumPy are enough. Requests come by standard input, answers leave by a copy of standard output;
whatever the submission prints goes to standard error. Data is JSON and plain arrays, never pickled.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import inspect
import json
import os
import struct
import sys
import traceback
from collections import namedtuple
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy import array as new_array
from numpy import asarray, frombuffer

MOST_BYTES = 2**28
"""A message that is longer is not read."""

FRAMEWORKS = ("torch", "scratch_rnn", "concise_rnn", "jax", "tensorflow", "keras")
"""What has a recurrent layer that could be copied from; told when it is imported."""

LEAVING = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"),
    *("os.spawn", "os.startfile", "pty.spawn", "ctypes.dlopen", "socket.connect"),
)
"""Audit events of code that leaves Python and NumPy."""

# Messages ---------------------------------------------------------------------------------------


def pack(value: Any, arrays: list[np.ndarray], depth: int = 5) -> dict[str, Any]:
    """Return a value as JSON, its arrays set aside; of an object, what it holds."""
    if value is None or isinstance(value, bool | int | float):
        return {"v": value}
    if isinstance(value, str):
        return {"v": value[:2000]}
    as_array = numbers_of(value)
    if as_array is not None:
        arrays.append(as_array)
        return {"a": len(arrays) - 1}
    if depth == 0 or isinstance(value, np.ndarray):
        dtype = f" with dtype {value.dtype}" if isinstance(value, np.ndarray) else ""
        return {"o": type(value).__name__ + dtype, "d": []}
    if isinstance(value, tuple | list):
        packed = {"l": [pack(item, arrays, depth - 1) for item in value]}
        names = getattr(value, "_fields", None)
        return packed | ({"names": list(names)} if names else {"list": isinstance(value, list)})
    if isinstance(value, dict):
        items = [[str(k), pack(v, arrays, depth - 1)] for k, v in value.items()]
        return {"d": items}
    slots = getattr(type(value), "__slots__", ())
    names = getattr(value, "__dict__", None) or slots
    held = {name: getattr(value, name, None) for name in names if not str(name).startswith("_")}
    kept = {k: v for k, v in held.items() if isinstance(v, dict) or numbers_of(v) is not None}
    items = [[name, pack(item, arrays, depth - 1)] for name, item in kept.items()]
    return {"o": type(value).__name__, "d": items}


def unpack(packed: dict[str, Any], arrays: list[np.ndarray]) -> Any:
    """Return the value of a message; an object comes as a namespace of what it holds."""
    if "v" in packed:
        return packed["v"]
    if "a" in packed:
        return arrays[packed["a"]]
    if "l" in packed:
        items = [unpack(item, arrays) for item in packed["l"]]
        if "names" in packed:
            return namedtuple("Result", packed["names"], rename=True)(*items)
        return items if packed.get("list") else tuple(items)
    values = {name: unpack(item, arrays) for name, item in packed["d"]}
    return SimpleNamespace(**values, __type__=packed["o"]) if "o" in packed else values


def numbers_of(value: Any) -> np.ndarray | None:
    """Return an array of real numbers, of NumPy's or another library's; None for all else."""
    if isinstance(value, np.ndarray | np.generic):
        found = asarray(value)
    elif hasattr(value, "detach") and hasattr(value, "cpu"):  # a tensor of PyTorch
        tensor = value.detach().cpu()
        found = tensor.float().numpy() if "float16" in str(tensor.dtype) else tensor.numpy()
    elif hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        found = asarray(value)
    else:
        return None
    if found.dtype.kind == "V":  # bfloat16 of ml_dtypes
        found = found.astype(np.float32)
    return found if found.dtype.kind in "biuf" else None


def write(stream: BinaryIO, head: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Write a message: lengths, JSON, and the bytes of each array."""
    described: list[tuple[str, tuple[int, ...], Literal["C", "F"]]] = []
    for item in arrays:
        fortran = item.flags.f_contiguous and not item.flags.c_contiguous
        order: Literal["C", "F"] = "F" if fortran else "C"
        described.append((item.dtype.str, item.shape, order))
    text = json.dumps(head | {"arrays": described}).encode()
    bodies = [item.tobytes(order[2]) for item, order in zip(arrays, described, strict=True)]
    stream.write(struct.pack("<QQ", len(text), sum(map(len, bodies))) + text + b"".join(bodies))
    stream.flush()


def read(stream: BinaryIO) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Read a message; EOFError where there is none, or none that could be meant."""
    text_length, length = struct.unpack("<QQ", _exactly(stream, 16))
    if text_length + length > MOST_BYTES:
        raise EOFError("a message that is too long")
    head = json.loads(_exactly(stream, text_length))
    body, arrays, start = _exactly(stream, length), [], 0
    for kind, shape, order in head.pop("arrays"):
        dtype = np.dtype(kind)
        end = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        flat = frombuffer(body[start:end], dtype)
        arrays.append(new_array(flat.reshape(shape, order=order), order="K"))  # to be written to
        start = end
    return head, arrays


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the end of all messages")
    return data


# Serving ----------------------------------------------------------------------------------------


class Server:
    """Holds the submission's module, and the objects that are too much its own to be sent.

    Parameters
    ----------
    ask : function of (name, arguments)
        Calls back: asks whoever started the process for one of its own functions' results.
    """

    def __init__(self, ask: Callable[[str, tuple[Any, ...]], Any]) -> None:
        self.ask = ask
        self.objects: dict[int, Any] = {}
        self.module: Any = None
        self.known = _functions()
        self.replaced: dict[str, Any] = {}

    def answer(
        self, head: dict[str, Any], arrays: list[np.ndarray]
    ) -> tuple[dict[str, Any], list[np.ndarray]]:
        """Do what a request says, and say what came of it."""
        sent: list[np.ndarray] = []
        try:
            answer = getattr(self, f"do_{head['do']}")(head, arrays, sent)
        except BaseException as error:
            if isinstance(error, EOFError) and self.module is None:
                raise
            file = str(head.get("file") or getattr(self.module, "__file__", ""))
            sent, answer = [], {"raised": _described(error, file)}
        answer["imported"] = [name for name in FRAMEWORKS if name in sys.modules]
        answer["changed"] = [
            f"{place}.{name}"
            for place, namespace, name, value in self.known
            if namespace.get(name) is not value
        ]
        return answer, sent

    def do_load(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Import a file or a module; tell what it has."""
        if head["numpy_only"]:
            sys.addaudithook(_refusal_of(head))
        for folder in reversed(head["folders"]):
            sys.path.insert(0, folder)
        self.module = (
            load_file(head["file"]) if head["file"] else importlib.import_module(head["module"])
        )
        which = load_file(str(ADAPTERS / "which.py"))
        target: Any = self.module
        if target.__name__ in which.OPERATORS:
            target = head["name"]
        else:
            for name in filter(None, head["name"].split(".")):
                target = getattr(target, name)
        cell = which.cell_of(target)
        adapter = head["adapter"] or which.adapter_of(self.module, target)
        if adapter:
            target = load_file(str(ADAPTERS / f"{adapter}.py")).adapted(target)
        self.objects[0] = target
        return {"names": _callables_of(target), "adapter": adapter, "cell": cell}

    def do_call(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Call a function of the module, or a method of an object."""
        before = [item.copy() for item in arrays]
        args = [self._meant(item, arrays) for item in head["args"]]
        kwargs = {name: self._meant(item, arrays) for name, item in head["kwargs"].items()}
        target = self.objects[head["of"]]
        if head["method"]:
            target = getattr(target, head["method"])
        result = target(*args, **kwargs)
        number = len(self.objects)
        self.objects[number] = result
        changed = [
            k
            for k, (old, new) in enumerate(zip(before, arrays, strict=True))
            if old.tobytes() != new.tobytes()
        ]
        return {
            "result": self._told(result, head["keep"], sent),
            "number": number,
            "written": [[k, pack(arrays[k], sent)] for k in changed],
        }

    def do_get(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Tell an attribute of an object, or the object itself as it is now."""
        value = self.objects[head["of"]]
        for name in head["path"]:
            value = value[name] if isinstance(name, int) else getattr(value, name)
        return {"result": pack(value, sent)}

    def do_names(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Tell what an object has that can be called."""
        return {"names": _callables_of(self.objects[head["of"]])}

    def do_set(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Write into the arrays of a dictionary that an object has."""
        held = getattr(self.objects[head["of"]], head["name"])
        for name, k in head["items"]:
            held[name][...] = arrays[k]
        return {}

    def do_forget(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Let go of all results."""
        self.objects = {0: self.objects[0]}
        return {}

    def do_replace(
        self, head: dict[str, Any], arrays: list[np.ndarray], sent: list[np.ndarray]
    ) -> dict[str, Any]:
        """Put functions that ask for right results in the place of the module's own."""
        for name, own in self.replaced.items():
            setattr(self.module, name, own)
        self.replaced = {name: getattr(self.module, name, None) for name in head["names"]}
        for name in head["names"]:
            setattr(self.module, name, lambda *args, _name=name: self.ask(_name, args))
        return {}

    def _meant(self, packed: dict[str, Any], arrays: list[np.ndarray]) -> Any:
        """Return an argument; a reference stands for an object, or for a part of one."""
        if "ref" not in packed:
            return unpack(packed, arrays)
        value = self.objects[packed["ref"]]
        for k in packed["path"]:
            value = value[k]
        return value

    def _told(self, result: Any, keep: list[int], sent: list[np.ndarray]) -> Any:
        """Return the result as a message; items of a tuple that are to be kept are left here."""
        if keep and isinstance(result, tuple | list):
            items = [
                {"v": None} if k in keep else pack(item, sent) for k, item in enumerate(result)
            ]
            return {"l": items}
        return pack(result, sent) if -1 not in keep else {"v": None}


ADAPTERS = Path(__file__).parents[1] / "classes" / "adapters"


def load_file(file: str) -> ModuleType:
    """Import a file, wherever it lies."""
    name = Path(file).stem
    if name in sys.modules:
        name = f"{name}_handed_in"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _callables_of(target: Any) -> dict[str, list[str] | None]:
    """Return the parameters of everything in it that can be called; None where unknown."""
    found: dict[str, list[str] | None] = {}
    for name in dir(target):
        if name.startswith("_") and name not in ("__call__", "__init__"):
            continue
        value = getattr(target, name, None)
        if callable(value):
            try:
                found[name] = [str(p) for p in inspect.signature(value).parameters.values()]
            except (TypeError, ValueError):
                found[name] = None
    return found


def _functions() -> list[tuple[str, dict[str, Any], str, Any]]:
    """Return the functions of Python and NumPy: module, its namespace, name, value."""
    modules = {"numpy": np, "numpy.linalg": np.linalg, "numpy.random": np.random}
    return [
        (place, vars(module), name, value)
        for place, module in (modules | {"builtins": builtins}).items()
        for name, value in list(vars(module).items())
        if callable(value)
    ]


def _described(error: BaseException, file: str) -> dict[str, Any]:
    """Say what was raised, and in which line of the submission's file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if file and frame.filename == file]
    where = f"line {own[-1].lineno}" if own else ""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        where = f"line {error.lineno}"
    kinds = [kind.__name__ for kind in type(error).__mro__]
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return {"kinds": kinds, "message": " ".join(message.split())[:300], "where": where}


def _refusal_of(head: dict[str, Any]) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that lets in the standard library, NumPy and neighbours of the file."""
    neighbours = {path.stem for folder in head["folders"] for path in Path(folder).iterdir()}
    allowed = sys.stdlib_module_names | {"numpy"} | (neighbours - set(FRAMEWORKS))

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if event == "import" and str(args[0]).partition(".")[0] not in allowed:
            raise ImportError(f"expected NumPy alone, got an import of {args[0]}")
        if event in LEAVING:
            raise ImportError(f"expected NumPy alone, got {event}")

    return refuse


def limit_memory(gibibytes: float) -> None:
    """Let this process have so much memory at most, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = getattr(resource, "RLIMIT_DATA", resource.RLIMIT_AS)  # a GPU's driver reserves more
    try:
        resource.setrlimit(limit, (int(gibibytes * 2**30),) * 2)
    except (ValueError, OSError):
        return


def main() -> None:
    """Answer requests until there are no more."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the submission prints
    limit_memory(float(sys.argv[1]))

    def ask(name: str, args: tuple[Any, ...]) -> Any:
        sent: list[np.ndarray] = []
        write(answers, {"ask": name, "args": [pack(item, sent) for item in args]}, sent)
        head, arrays = read(requests)
        if "refused" in head:
            raise TypeError(head["refused"])
        return unpack(head["result"], arrays)

    server = Server(ask)
    while True:
        try:
            head, arrays = read(requests)
        except EOFError:
            return
        answer = server.answer(head, arrays)
        with suppress(Exception):  # whatever has become of it
            sys.stdout.flush()
        write(answers, *answer)


if __name__ == "__main__":
    main()

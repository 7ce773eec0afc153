"""The records of a small run, and tampered versions of them: any field may be changed."""

import copy
import dataclasses
import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from compare.bench.results.result import Document, Timing
from compare.bench.workload.shapes import Shape
from compare.files import plain
from compare.parity import OPTIMIZERS, StepSettings
from compare.runs.checkpoint import Checkpoint, Model, Optimizer, load
from compare.runs.config import RunConfig
from compare.runs.reading import read_config, read_json, read_metrics, read_tokens, read_versions
from compare.study.bisection import replay
from tests.compare.runs.checkpoints import put_together, taken_apart

ODD = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**20, 10**400, 0.5, -0.0, 1e300, float("inf"),
    float("nan"), "", "inf", "nan", "x", "\x1b[31m", "a\nb", "é", "e" * 10**6, [], [[]], [None],
    {}, {"a": 1}, [1, 2, 3], ["x"] * 3, "tanh", "float64", 30_000,
]  # fmt: skip
"""Values that replace a field; JSON's infinity is written as 8e400."""


@dataclass(frozen=True)
class Kind:
    """A record: its JSON values, how they are written, and how they are read."""

    name: str
    values: Callable[[Path], Any]  # of a run's directory
    put: Callable[[Path, str], None]  # JSON text in the record's place
    read: Callable[[Path], Any]  # as JSON again
    defaults: tuple[type, ...] = ()  # dataclasses whose fields with a default may be missing

    def agrees(self, again, changed):
        """Whether the values read are those written, with defaults for missing keys."""
        fields = [f for kind in self.defaults for f in dataclasses.fields(kind)]
        defaults = {f.name: f.default for f in fields if f.default is not MISSING}
        if Optimizer in self.defaults:
            defaults |= {"name": "SGD"}  # as a checkpoint calls it
        defaults |= {f.name: f.default_factory() for f in fields if f.default_factory != MISSING}

        def agree(again, changed):
            if isinstance(changed, list) and isinstance(again, list):
                return len(again) == len(changed) and all(map(agree, again, changed))
            if not isinstance(changed, dict) or not isinstance(again, dict):
                return again == changed
            missing = again.keys() - changed.keys()
            return (
                changed.keys() <= again.keys()
                and all(agree(again[key], changed[key]) for key in changed)
                and all(again[key] == plain_value(defaults[key]) for key in missing)
            )

        return agree(again, changed)


def plain_value(value):
    return str(value) if isinstance(value, Path) else value


def places(value, path=()):
    """Yield every place in a JSON value, the whole first."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@st.composite
def tampered(draw, values):
    """Draw the values with one place changed: another value, nothing, something more."""
    path = draw(st.sampled_from(list(places(values))))
    changed = copy.deepcopy(values)
    if not path:
        return draw(st.sampled_from(ODD))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    how = draw(st.sampled_from(["value", "value", "value", "number", "left out", "one more"]))
    if how == "left out":
        del parent[path[-1]]
    elif how == "one more" and isinstance(parent, dict):
        parent["one more"] = parent[path[-1]]
    elif how == "number":
        parent[path[-1]] = draw(st.integers() | st.floats())
    else:
        parent[path[-1]] = draw(st.sampled_from(ODD))
    return changed


def as_text(values):
    """Write JSON with numbers that overflow a float."""
    text = json.dumps(values)
    return text.replace("-Infinity", "-8e400").replace("Infinity", "8e400")


def _file(name):
    def put(directory, text):
        (directory / name).write_text(text)

    return lambda directory: json.loads((directory / name).read_text()), put


def _metrics(directory):
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def _put_metrics(directory, text):
    lines = json.loads(text.replace("8e400", "1e999"))
    whole = [as_text(line) for line in lines] if isinstance(lines, list) else [text]
    (directory / "metrics.jsonl").write_text("".join(line + "\n" for line in whole))


def _checkpoint(directory):
    header, _ = taken_apart((directory / "scratch.safetensors").read_bytes())
    del header["__metadata__"]["sha256"]
    return header["__metadata__"]


def _put_checkpoint(directory, text):
    path = directory / "scratch.safetensors"
    header, data = taken_apart(path.read_bytes())
    digits = '{"sha256": "' + "0" * 64 + '"'
    header["__metadata__"] = digits + (", " + text[1:] if text.startswith("{") else text)
    path.write_bytes(put_together(header, data))


def _parts_of_replay(directory):
    content = (directory / "replay").read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _replay(directory):
    return json.loads(_parts_of_replay(directory)[0]["__metadata__"]["description"])


def _put_replay(directory, text):
    header, data = _parts_of_replay(directory)
    header["__metadata__"]["description"] = text
    whole = json.dumps(header).encode()
    (directory / "replay").write_bytes(len(whole).to_bytes(8, "little") + whole + data)


def _config(directory):
    command, config = read_config(directory)
    version = json.loads((directory / "config.json").read_text())["version"]
    return {"command": command, "version": version, **config.to_json()}


def _environment(directory):
    values = read_json(directory, "environment.json")
    return {**values, "versions": read_versions(directory)}


def _loaded(directory):
    loaded = load(directory / "scratch.safetensors")
    header, _ = taken_apart((directory / "scratch.safetensors").read_bytes())
    written = {name: header["__metadata__"][name] for name in ("state", "version")}
    again = {**plain(loaded), **written, "format": "rnn-parity checkpoint"}
    again["optimizer"]["name"] = OPTIMIZERS[again["optimizer"].pop("optimizer")].name
    del again["weights"], again["memory"]
    return again


def _benchmark(directory):
    return asdict(Document.read(directory / "bench.json"))


def _description(directory):
    kept = replay.read(directory / "replay")
    case = {name: getattr(kept.case, name) for name in ("carry_state", "cell")}
    same = {name: getattr(kept, name) for name in ("alone", "setting", "tensor")}
    return {
        "options": kept.case.options,
        **case,
        **plain(kept.case.settings),
        "suspect": plain(kept.suspect),
        **same,
    }


KINDS = [
    Kind("config", *_file("config.json"), _config, (RunConfig,)),
    Kind("vocab", *_file("vocab.json"), lambda d: {"tokens": read_tokens(d)}),
    Kind("environment", *_file("environment.json"), _environment),
    Kind("metrics", _metrics, _put_metrics, lambda d: list(read_metrics(d))),
    Kind("checkpoint", _checkpoint, _put_checkpoint, _loaded, (Checkpoint, Model, Optimizer)),
    Kind("replay", _replay, _put_replay, _description, (StepSettings,)),
    Kind("benchmark", *_file("bench.json"), _benchmark, (Document, Timing, Shape)),
]

"""The row in ONNX Runtime: its operators RNN, GRU and LSTM on the CPU, forward only.

The weights are constants of the graph, so the library may lay them out once, as it likes. ONNX
Runtime is an optional extra. The adapter of `rnn-parity check` translates the weights and makes the
node of the cell.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from compare.bench.rows.row import Device, Row, line
from compare.bench.workload.case import Arrays, Case, Job, LayerInputs, ModelInputs, select_layer
from compare.bench.workload.shapes import FORWARD, GENERATION
from compare.implementations import CELLS, Array, load_adapter
from scratch_rnn.layers import states
from scratch_rnn.layers.states import State, arrays_of, state_of

LABELS = {"onnx": "ONNX Runtime"}


def rows(device: Device | None) -> list[Row]:
    return [Onnx()]


class Onnx(Row):
    """ONNX Runtime on the CPU."""

    name, label = "onnx", LABELS["onnx"]
    place = 3
    style = line("#f0a6ca", "X")
    cells = ("rnn", "gru", "lstm")
    packages = ("onnx", "onnxruntime")
    only_float32 = "its layers need"
    threads = 1

    @contextmanager
    def settings(self, threads: int) -> Iterator[None]:
        """Set the number of threads: it is fixed when a graph is loaded."""
        self.threads = threads
        yield

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        run = self._session(case, "x", [], case.parameters, {})

        def forward() -> object:
            output, state = run(case.x, case.state)
            return output[:, 0], state

        return case.jobs({FORWARD: forward})

    def model(self, case: ModelInputs) -> dict[str, Job]:
        ids = case.batch.inputs.T.copy()  # (T, B)
        run = self._model_session(case, case.parameters)
        write = self._model_session(case, case.generation_parameters)

        def generate() -> list[int]:
            state = states.each(lambda array: np.zeros_like(array[:, :1]), case.state)
            text = [1]
            for _ in range(case.num_preds):
                logits, state = write(np.array([text[-1:]]), state)
                text.append(int(logits.argmax()))
            return text

        return case.jobs({FORWARD: lambda: run(ids, case.state), GENERATION: generate})

    def _model_session(self, case: ModelInputs, parameters: Arrays) -> Callable[..., Any]:
        constants = {
            "depth": np.array([case.shape.V]),
            "off and on": np.array([0, 1], case.dtype),
            "rows": np.array([-1, case.shape.H]),
            "linear.weight": parameters["linear.weight"].T,
            "linear.bias": parameters["linear.bias"],
        }
        around = [
            ("OneHot", ["ids", "depth", "off and on"], ["x"]),
            ("Reshape", ["output", "rows"], ["h"]),
            ("Gemm", ["h", "linear.weight", "linear.bias"], ["logits"]),
        ]
        return self._session(case, "ids", around, select_layer(parameters), constants)

    def _session(
        self,
        case: Case,
        read: str,
        around: list[tuple[str, list[str], list[str]]],
        parameters: Arrays,
        constants: Arrays,
    ) -> Callable[..., Any]:
        """Return the function (input, state) -> (result, last state) of a graph with the cell.

        `around` are the nodes before and behind it: (operator, inputs, outputs).
        """
        import onnxruntime
        from onnx import helper, numpy_helper

        adapter, cell = load_adapter("onnx_runtime"), CELLS[case.shape.cell]
        before, after = ([f"{s}{end}" for s in cell.states] for end in ("0", "_n"))
        made, shape = ["output", *after], case.shape
        node = adapter.make_node(cell.layer, "x", before, made, shape.H, shape.nonlinearity)
        others = [helper.make_node(*each) for each in around]
        constants = adapter.from_torch(cell.layer, parameters) | constants
        kinds = dict.fromkeys(before, case.dtype) | {read: "int64" if around else case.dtype}
        results = [around[-1][2][0] if around else made[0], *after]
        tensors = [
            numpy_helper.from_array(np.ascontiguousarray(array), name)
            for name, array in constants.items()
        ]
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = self.threads, 1
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        nodes = [*others[:1], node, *others[1:]]
        session = adapter.make_session(nodes, kinds, results, tensors, settings)

        def run(given: Array, state: State) -> tuple[Array, State]:
            feeds = dict(zip([read, *before], [given, *arrays_of(state)], strict=True))
            result, *last = session.run(results, feeds)
            return result, state_of(last)

        return run

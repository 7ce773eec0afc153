"""The row in ONNX Runtime: its operators RNN, GRU and LSTM on the CPU, forward only.

The weights are constants of the graph, so the library may lay them out once, as it likes. ONNX
Runtime is an optional extra. The graph of `rnn-parity check` is another one, with the weights as
inputs: it is made in a process that does not import this package.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from compare.bench.rows.row import Device, Row, line
from compare.bench.workload.case import Arrays, Case, Job, LayerInputs, ModelInputs, select_layer
from compare.bench.workload.shapes import FORWARD, GENERATION
from compare.implementations import CELLS
from scratch_rnn.layers import states
from scratch_rnn.layers.states import State, arrays_of, state_of

LABELS = {"onnx": "ONNX Runtime"}

OPERATORS: dict[str, tuple[str, list[int], dict[str, Any]]] = {
    "rnn": ("RNN", [0], {}),
    "gru": ("GRU", [1, 0, 2], {"linear_before_reset": 1}),  # b_hn inside, as in PyTorch
    "lstm": ("LSTM", [0, 3, 1, 2], {}),
}
"""ONNX's operator of each cell, its order of the gates (z r n and i o f g, in numbers of PyTorch's
r z n and i f g o), and its attributes."""

WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

OPSET = 14


def rows(device: Device | None) -> list[Row]:
    return [Onnx()]


class Onnx(Row):
    """ONNX Runtime on the CPU."""

    name, label = "onnx", LABELS["onnx"]
    place = 3
    style = line("#f0a6ca", "X")
    cells = OPERATORS
    packages = ("onnx", "onnxruntime")
    only_float32 = "its layers need"
    threads = 1

    @contextmanager
    def settings(self, threads: int) -> Iterator[None]:
        """Set the number of threads: it is fixed when a graph is loaded."""
        self.threads = threads
        yield

    def layer(self, case: LayerInputs) -> dict[str, Job]:
        run = self._session(case, "x", [], case.parameters)

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
            "W": parameters["linear.weight"].T,
            "b": parameters["linear.bias"],
        }
        around: list[Any] = [
            ("OneHot", ["ids", "depth", "off and on"], ["x"], {}),
            ("Reshape", ["output", "rows"], ["h"], {}),
            ("Gemm", ["h", "W", "b"], ["logits"], {}),
        ]
        return self._session(case, "ids", around, select_layer(parameters) | constants)

    def _session(
        self, case: Case, read: str, around: list[Any], constants: Arrays
    ) -> Callable[..., Any]:
        """Return the function (input, state) -> (result, last state) of a graph with the cell.

        `around` are the nodes before and behind it: (operator, inputs, outputs, attributes).
        """
        import onnxruntime
        from onnx import helper, numpy_helper

        cell = CELLS[case.shape.cell]
        operator, order, attributes = OPERATORS[cell.name]
        by_gate = [np.split(constants[name], cell.num_gates) for name in WEIGHTS]
        W, R, b_ih, b_hh = (np.concatenate([gates[k] for k in order]) for gates in by_gate)
        constants = {name: a for name, a in constants.items() if name not in WEIGHTS}
        constants |= {"W of x": W[None], "W of h": R[None], "B": np.concatenate([b_ih, b_hh])[None]}
        before, after = ([f"{s}{end}" for s in cell.states] for end in ("0", "_n"))
        attributes = attributes | {"hidden_size": case.shape.H}
        if case.shape.options:
            attributes["activations"] = [case.shape.nonlinearity.capitalize()]
        inputs = ["x", "W of x", "W of h", "B", "", *before]
        nodes = [*around[:1], (operator, inputs, ["output", *after], attributes), *around[1:]]
        results = [nodes[-1][2][0], *after]
        integer, real = (
            helper.np_dtype_to_tensor_dtype(np.dtype(kind)) for kind in (np.int64, case.dtype)
        )
        kinds = dict.fromkeys(before, real) | {read: integer if around else real}
        graph = helper.make_graph(
            [helper.make_node(kind, used, made, **more) for kind, used, made, more in nodes],
            operator,
            [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
            [helper.make_tensor_value_info(name, real, None) for name in results],
            [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = min(model.ir_version, 10)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads, settings.inter_op_num_threads = self.threads, 1
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
        )

        def run(given: np.ndarray, state: State) -> tuple[np.ndarray, State]:
            feeds = dict(zip([read, *before], [given, *arrays_of(state)], strict=True))
            result, *last = session.run(results, feeds)
            return result, state_of(last)

        return run

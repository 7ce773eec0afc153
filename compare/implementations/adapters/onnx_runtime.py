"""The operators RNN, GRU and LSTM of ONNX, computed by ONNX Runtime; forward only."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import helper

LIBRARIES = ("onnxruntime",)
CLASSES = ("onnxruntime:RNN", "onnxruntime:GRU", "onnxruntime:LSTM")

ORDERS = {"RNN": [0], "GRU": [1, 0, 2], "LSTM": [0, 3, 1, 2]}
"""ONNX's gates, z r h and i o f c, in PyTorch's order r z n and i f g o."""


def adapted(operator: str) -> type:
    """Return the operator as a class that `check` expects."""
    order = ORDERS[operator]

    class Adapted:
        def __init__(
            self,
            input_size: int,
            hidden_size: int,
            *,
            nonlinearity: str = "tanh",
            bidirectional: bool = False,
            dtype: str = "float32",
        ) -> None:
            if dtype != "float32":
                raise NotImplementedError(f"ONNX Runtime has no {operator} of {dtype}")
            self.dtype, self.D, G = dtype, 1 + bidirectional, len(order) * hidden_size
            shapes: dict[str, Any] = {"weight_ih": (G, input_size), "weight_hh": (G, hidden_size)}
            shapes |= {"bias_ih": (G,), "bias_hh": (G,)}
            self.parameters = {
                f"{name}_l0{end}": np.zeros(shape, dtype)
                for end in ("", "_reverse")[: self.D]
                for name, shape in shapes.items()
            }
            options: dict[str, Any] = {"hidden_size": hidden_size}
            options |= {"direction": "bidirectional"} if bidirectional else {}
            if operator == "RNN":
                options["activations"] = [{"tanh": "Tanh", "relu": "Relu"}[nonlinearity]] * self.D
            if operator == "GRU":
                options["linear_before_reset"] = 1
            states = ["h", "c"] if operator == "LSTM" else ["h"]
            inputs = ["X", "W", "R", "B", "", *(f"{name}_0" for name in states)]
            outputs = ["Y", *(f"{name}_n" for name in states)]
            kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
            self.inputs, self.outputs = [name for name in inputs if name], outputs
            graph = helper.make_graph(
                [helper.make_node(operator, inputs, outputs, **options)],
                operator,
                [helper.make_tensor_value_info(n, kind, None) for n in self.inputs],
                [helper.make_tensor_value_info(n, kind, None) for n in outputs],
            )
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)])
            model.ir_version = min(model.ir_version, 10)
            self.session = onnxruntime.InferenceSession(
                model.SerializeToString(), providers=["CPUExecutionProvider"]
            )

        def load(self, values: dict[str, np.ndarray]) -> None:
            self.parameters = {n: np.asarray(values[n], self.dtype) for n in self.parameters}

        def stacked(self, *names: str) -> np.ndarray:
            """Return parameters of each direction, the gates in ONNX's order."""
            directions = []
            for end in ("", "_reverse")[: self.D]:
                arrays = (self.parameters[f"{name}_l0{end}"] for name in names)
                parts = (np.split(array, len(order)) for array in arrays)
                directions.append(np.concatenate([gates[k] for gates in parts for k in order]))
            return np.stack(directions)

        def forward(self, x: np.ndarray, state: Any) -> tuple[Any, Any, None]:
            weights = self.stacked("weight_ih"), self.stacked("weight_hh")
            inputs = [x, *weights, self.stacked("bias_ih", "bias_hh")]
            inputs += state if isinstance(state, tuple) else [state]
            arrays = [np.ascontiguousarray(array, self.dtype) for array in inputs]
            named = dict(zip(self.inputs, arrays, strict=True))
            output, *last = self.session.run(self.outputs, named)
            T, D, B, H = output.shape
            output = output.swapaxes(1, 2).reshape(T, B, D * H)
            return output, tuple(last) if len(last) > 1 else last[0], None

    return Adapted

"""Small Keras, Flax, Equinox and ONNX Runtime, for machines that have none of them.

They have the interface that the adapters use, and the layout and order of the arrays that the
libraries' documentation states. PyTorch computes. `make adapters` tries the real ones.
"""

import copy
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from torch.utils import _pytree

Tensor = torch.Tensor
sigmoid = torch.sigmoid


def step(gates, a, u, state, f=torch.tanh):
    """Return the next state; the gates are in this order in a and u."""
    A, U = (dict(zip(gates, x.chunk(len(gates), -1), strict=True)) for x in (a, u))
    if gates == "h":
        return [f(a + u)]
    if "z" in gates:
        z, r = sigmoid(A["z"] + U["z"]), sigmoid(A["r"] + U["r"])
        return [(1 - z) * f(A["n"] + r * U["n"]) + z * state[0]]
    i, f_, g, o = (A[gate] + U[gate] for gate in "ifgo")
    c = sigmoid(f_) * state[1] + sigmoid(i) * f(g)
    return [sigmoid(o) * f(c), c]


class Variable:
    """A parameter of Keras or Flax."""

    def __init__(self, name, value):
        self.name, self.value, self.shape = name, value, value.shape

    def __getitem__(self, _):
        return self.value

    def assign(self, value):
        with torch.no_grad():
            self.value.copy_(torch.tensor(np.array(value)))

    def replace(self, value):
        return Variable(self.name, value)


class KerasLayer:
    """Weights are (in, out), the batch is first. A GRU has a second row of biases."""

    gates: str

    def __init__(self, units, *, use_bias, dtype, **options):
        self.H, self.G, self.variable_dtype = units, units * len(self.gates), dtype
        self.dtype = getattr(torch, dtype)
        self.f, self.use_bias = getattr(torch, options.pop("activation")), use_bias
        assert options.pop("name") == type(self).__name__.lower()
        assert options == {"return_sequences": True, "return_state": True}

    def build(self, shape):
        shapes = {"kernel": (shape[2], self.G), "recurrent_kernel": (self.H, self.G)}
        if self.use_bias:
            shapes["bias"] = (2, self.G) if "z" in self.gates else (self.G,)
        self.trainable_variables = [
            Variable(name, torch.randn(size, dtype=self.dtype).requires_grad_())
            for name, size in shapes.items()
        ]

    def __call__(self, x, initial_state=None):
        W, U, *b = (variable.value for variable in self.trainable_variables)
        b_i, b_h = b[0] if b and b[0].ndim == 2 else (*b, *[torch.zeros(self.G)] * (2 - len(b)))
        zeros = torch.zeros(len(x), self.H, dtype=self.dtype)
        state, output = initial_state or [zeros] * (1 + ("o" in self.gates)), []
        for x_t in x.unbind(1):
            state = step(self.gates, x_t @ W + b_i, state[0] @ U + b_h, state, self.f)
            output.append(state[0])
        return [torch.stack(output, 1), *state]


class EquinoxCell:
    """Weights are (out, in). There is one bias, and a GRU has b_hn besides."""

    gates: str

    def __init__(self, V, H, *, use_bias, dtype, key):
        self.H, G = H, H * len(self.gates)
        self.weight_ih, self.weight_hh = (torch.randn(G, n, dtype=dtype) for n in (V, H))
        self.bias = torch.randn(G, dtype=dtype) if use_bias else None
        self.bias_n = torch.randn(H, dtype=dtype) if use_bias and "n" in self.gates else None

    def __call__(self, x, state):
        before = state if isinstance(state, tuple) else (state,)
        a, u = self.weight_ih @ x, self.weight_hh @ before[0]
        a = a if self.bias is None else a + self.bias
        if self.bias_n is not None:
            u = torch.cat([u[: 2 * self.H], u[2 * self.H :] + self.bias_n])
        after = step(self.gates, a, u, before)
        return tuple(after) if len(after) > 1 else after[0]


def tree_at(where, cell, values):
    changed = copy.copy(cell)
    for old, new in zip(where(cell), values, strict=True):
        [name] = [name for name, value in vars(cell).items() if value is old]
        setattr(changed, name, new)
    return changed


class FlaxCell:
    """Weights are (in, out), the carry of an LSTM is (c, h), and no cell has two biases."""

    gates: str
    layers: tuple[tuple[str, ...], tuple[str, ...]] = ("dense_i",), ("dense_h",)  # of x and of h
    biased = "i"

    def __init__(self, V, H, *, dtype, param_dtype, rngs):
        assert (param_dtype, rngs) == (dtype, 0)
        self.state = {}
        for names, size, kind in zip(self.layers, (V, H), "ih", strict=True):
            width = H * len(self.gates) // len(names)
            shapes = {"kernel": (size, width), "bias": (width,)}
            for name in names:
                parts = ("kernel", "bias") if kind == self.biased else ("kernel",)
                drawn = [torch.randn(shapes[part], dtype=dtype) for part in parts]
                self.state[name] = dict(zip(parts, map(Variable, parts, drawn), strict=True))

    def __call__(self, carry, x):
        state = carry[::-1] if isinstance(carry, tuple) else (carry,)
        sums = []
        for names, source in zip(self.layers, (x, state[0]), strict=True):
            parts = [{n: v.value for n, v in self.state[name].items()} for name in names]
            sums.append(torch.cat([source @ p["kernel"] + p.get("bias", 0) for p in parts], -1))
        after = step(self.gates, *sums, state)
        return tuple(after[::-1]) if len(after) > 1 else after[0], after[0]


class FlaxLSTM(FlaxCell):
    layers = ("ii", "if_", "ig", "io"), ("hi", "hf", "hg", "ho")


def merge(cell, state):
    merged = copy.copy(cell)
    merged.state = state
    return merged


def to_flat_state(state):
    return [((name, part), v) for name in sorted(state) for part, v in sorted(state[name].items())]


def from_flat_state(flat):
    return {name: {p: v for (n, p), v in flat if n == name} for name in {n for (n, _), _ in flat}}


class Session:
    """ONNX Runtime: arrays have a row for each direction, and B has both biases in a row."""

    orders = {"RNN": "h", "GRU": "zrn", "LSTM": "iofg"}  # noqa: RUF012

    def __init__(self, node, settings, providers):
        self.node, self.D = node, 1 + (node.get("direction") == "bidirectional")

    def run(self, names, feeds):
        X, W, R, B, *states = (torch.tensor(feeds[name]) for name in self.node["inputs"] if name)
        assert (self.node["hidden_size"], len(W)) == (R.shape[2], self.D)
        order, output, last = self.orders[self.node["operator"]], [], []
        assert order != "zrn" or self.node["linear_before_reset"] == 1
        for d in range(self.D):
            state, steps = [each[d] for each in states], []
            b, c = B[d].chunk(2)
            f = getattr(torch, self.node.get("activations", ["Tanh"] * 2)[d].lower())
            for x_t in X.flip(0) if d else X:
                state = step(order, x_t @ W[d].T + b, state[0] @ R[d].T + c, state, f)
                steps.append(state[0])
            output.append(torch.stack(steps[::-1] if d else steps))
            last.append(state)
        results = [torch.stack(output, 1), *map(torch.stack, zip(*last, strict=True))]
        found = dict(zip(self.node["outputs"], results, strict=True))
        return [found[name].numpy() for name in names]


# JAX, as far as two of them need it ---------------------------------------------------------------


def scan(run, state, x):
    outputs = []
    for x_t in x.unbind(0):
        state, output = run(state, x_t)
        outputs.append(output)
    return state, torch.stack(outputs)


# All of them --------------------------------------------------------------------------------------


def classes(module, base, **orders):
    """Return a class for each name, with its gates in this order."""
    made = {"__module__": module}
    return {name: type(name, (base,), made | {"gates": gates}) for name, gates in orders.items()}


def as_tensor(value, dtype):
    return (value if torch.is_tensor(value) else torch.tensor(np.array(value))).to(dtype)


def as_array(value):
    tensor = value.value if isinstance(value, Variable) else value
    return np.array(tensor.detach().numpy())


def node_of(operator, inputs, outputs, **options):
    return {"operator": operator, "inputs": inputs, "outputs": outputs, **options}


def modules():
    """Return the contents of each module, by its name."""
    space, flax = SimpleNamespace, "flax.nnx.nn.recurrent"
    with_bias_of_h = type("WithBiasOfH", (FlaxCell,), {"biased": "h"})
    of_gates = type("OfGates", (FlaxLSTM,), {"biased": "h"})
    return {
        "keras": {
            "backend": space(backend=lambda: "torch"),
            "ops": space(convert_to_numpy=as_array),
        },
        "keras.layers": classes(
            "keras.src.layers", KerasLayer, SimpleRNN="h", GRU="zrn", LSTM="ifgo"
        ),
        "flax": {},
        "flax.nnx": {
            **classes(flax, FlaxCell, SimpleCell="h", GRUCell="rzn"),
            **classes(flax, of_gates, LSTMCell="ifgo"),
            **classes(flax, with_bias_of_h, OptimizedLSTMCell="ifgo"),
            "split": lambda cell: (cell, cell.state),
            "merge": merge,
            "Rngs": lambda seed: seed,
            "to_flat_state": to_flat_state,
            "from_flat_state": from_flat_state,
        },
        "equinox": {"tree_at": tree_at},
        "equinox.nn": classes("equinox.nn._rnn", EquinoxCell, GRUCell="rzn", LSTMCell="ifgo"),
        "jax": {
            "Array": Tensor,
            "jit": lambda function: function,
            "vjp": torch.func.vjp,
            "vmap": torch.vmap,
            "lax": space(scan=scan),
            "config": space(update=lambda *_: None),
            "random": space(key=lambda seed: seed),
            "tree": space(map=_pytree.tree_map),
        },
        "jax.numpy": {
            "dtype": lambda name: getattr(torch, name),
            "asarray": as_tensor,
            "zeros": lambda shape, dtype: torch.zeros(shape, dtype=dtype),
            "zeros_like": lambda array: torch.zeros_like(torch.as_tensor(array)),
            "concatenate": lambda arrays, axis: torch.cat([*map(torch.as_tensor, arrays)], axis),
            "split": lambda array, n, axis: torch.chunk(torch.as_tensor(array), n, axis),
        },
        "onnx": {},
        "onnx.helper": {
            "make_node": node_of,
            "make_graph": lambda nodes, *_: nodes[0],
            **dict.fromkeys(("make_tensor_value_info", "make_opsetid"), lambda *_: None),
            "make_model": lambda node, **_: space(ir_version=13, SerializeToString=lambda: node),
            "np_dtype_to_tensor_dtype": lambda dtype: {"float32": 1}[dtype.name],
        },
        "onnx.numpy_helper": {},
        "onnxruntime": {"InferenceSession": Session, "SessionOptions": object},
    }


def install(patch):
    """Put them where `import` finds them."""
    made = {name: ModuleType(name) for name in modules()}
    for name, contents in modules().items():
        vars(made[name]).update(contents, __spec__=ModuleSpec(name, None))
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(made[parent], child, made[name])
        patch.setitem(sys.modules, name, made[name])

"""Rewrites of a right layer: a seed draws its library, axes, states, weights and names.

`write_source` in `rewrite_source` writes it; its numbers are compared with ours here.
"""

import random
from types import SimpleNamespace

import numpy as np
import torch

from compare.implementations import CELLS
from compare.mistakes import list_layer_mistakes
from compare.recurrences.axes import LEAF, Sizes, list_features
from compare.recurrences.holders import FunctionHolder, ModuleHolder, ObjectHolder
from compare.recurrences.recurrence import CallForm, Recurrence
from scratch_rnn.arrays import arrays_of

V, H, T, B = 7, 8, 4, 3
GATES = {"rnn": "h", "gru": "rzn", "lstm": "ifgo", "mingru": "zn"}
"""In the order of our parameters."""

SIZES = (
    "input_size hidden_size,n_in n_hid,V H,dim_in dim_hidden,vocab_size hidden_size,nx nh,I N,"
    "num_inputs num_hiddens,in_dim hid_dim,D H,input_dim units,in_features out_features"
)
INPUTS = "x inputs input x_t X xt inp u data seq"
STATES = "h c,h_prev c_prev,hx cx,h0 c0,prev_h prev_c,hidden cell,a_prev c_prev,hprev cprev,s m"
BOTH_STATES = "state hidden hc carry hx prev_state s"
JOINED = (
    "W_ih W_hh b_ih b_hh,Wx Wh b bh,W U b d,Wxh Whh bh bx,weight_ih weight_hh bias_ih bias_hh,"
    "kernel recurrent_kernel bias recurrent_bias,w_x w_h b_x b_h,A B k q"
)
BY_GATE = "W_x{} W_h{} b_x{} b_h{},W{} U{} b{} d{},w_i{} w_h{} b_i{} b_h{},W_{}x W_{}h b_{} d_{}"
LINEAR = "x2h h2h,i2h h2h,fc_x fc_h,W U,linear_ih linear_hh,input_map hidden_map"
LINEAR_BY_GATE = "W_x{} W_h{},x2{} h2{},W{} U{},lin_x{} lin_h{}"
FOR_BOTH = "W - b -,weight - bias -,kernel - bias -,w - b -"
FOR_BOTH_BY_GATE = "W_{} - b_{} -,W{} - b{} -,w_{} - bias_{} -"
LINEAR_FOR_BOTH = "gates -,W -,linear -,i2h -,fc -"
LINEAR_FOR_BOTH_BY_GATE = "W_{} -,lin_{} -,gate_{} -"
TITLES = {"rnn": "RNN SimpleRNN", "gru": "GRU MyGRU", "lstm": "LSTM MyLSTM", "mingru": "MinGRU"}
NEUTRAL = "Cell Net Layer Recurrent Encoder"


def draw_rewrite(seed):
    """Draw the choices of an author."""
    rng, r = random.Random(seed), SimpleNamespace()

    def pick(text, mark=" "):
        return rng.choice(text.split(mark))

    def toss(is_possible=True):
        return rng.random() < 0.5 and is_possible

    r.cell = pick("rnn gru lstm mingru")
    r.kind = pick("module class weights params")  # functions: weights one by one, or in one
    r.lib = {"module": "torch", "class": "np"}.get(r.kind) or pick("torch np")
    r.is_object, r.is_sequence = r.kind in ("module", "class"), toss()
    one = " one" * (r.kind != "class" and not r.is_sequence)  # x (1, B, V)
    r.layout = pick("rows rows vector" + " column columns" * (r.kind != "module") + one)
    r.is_column = r.layout.startswith("column")
    r.batch_first = toss(r.layout == "rows")
    kept, none = " kept" * r.is_object, " none" * r.is_sequence
    r.state = pick(f"array array tuple list dict record{kept}{none}")
    r.is_passed = r.state not in ("kept", "none")
    r.is_optional, r.state_comes_first = toss(r.is_passed), toss()
    r.has_initial = toss(r.is_object and r.state in ("dict", "record"))
    outputs = " out" * r.is_sequence or " state"
    every = " all" * (r.is_sequence and r.cell == "lstm" and r.is_passed)
    r.result = pick(f"out_state state_out{outputs}{every}") if r.is_passed else "out"
    r.is_list = toss(r.is_sequence and r.result != "all")
    stores = {"module": "linear parameter" + " cell" * (r.cell != "mingru" and not r.is_column)}
    stores |= {"class": "attributes dict", "params": "dict tuple"}
    r.store = pick(stores.get(r.kind, "arguments"))
    r.both = pick("xh hx") * toss(r.cell != "mingru" and r.store != "cell")  # one weight for both
    gates = "".join(rng.sample(GATES[r.cell], len(GATES[r.cell])))
    r.is_joined = (toss() or len(gates) == 1) and not (r.both and r.cell == "gru")
    r.groups = [gates] if r.is_joined else [*gates]
    r.biases = rng.choice([0, 1, 2][: 2 + (not r.both and r.cell != "mingru")])
    if r.store == "cell":
        r.groups, r.biases = [GATES[r.cell]], 2
    r.is_turned = toss(r.store not in ("linear", "cell"))
    r.is_inverted = toss(r.cell == "gru" and r.store != "cell")  # z is the share of the new n
    families = [JOINED, BY_GATE, FOR_BOTH, FOR_BOTH_BY_GATE]
    if r.store == "linear":
        families = [LINEAR, LINEAR_BY_GATE, LINEAR_FOR_BOTH, LINEAR_FOR_BOTH_BY_GATE]
    r.names = pick(families[2 * bool(r.both) + (not r.is_joined)], ",").split()
    r.letters = dict(zip("rznifgo", f"r{pick('z u')}{pick('n h c')}if{pick('g c')}o", strict=True))
    r.x, (r.h, r.c), r.one = pick(INPUTS), pick(STATES, ",").split(), pick(BOTH_STATES)
    r.states = rng.sample([r.h, r.c], 2) if r.cell == "lstm" else [r.h]
    r.V, r.H = pick(SIZES, ",").split()
    title = pick(f"{TITLES[r.cell]} {NEUTRAL}")
    r.title = title if r.is_object else "layer"
    method = pick("forward __call__" + " step" * (not r.is_sequence))
    r.method = "forward" if r.kind == "module" else method
    r.takes_last = r.is_sequence and r.result in ("out_state", "state_out")
    r.has_backward = r.kind == "class" and r.cell == "rnn" and not r.both
    variants = "gru gru-update-gate-inverted gru-reset-before-product gru-first-paper-inverted"
    variant = variants.split()[2 * bool(r.both) + r.is_inverted]
    r.known = r.cell if r.cell != "gru" else variant
    return r


def list_weights(r):
    """Return the part of each weight, of x, h, both or a bias, and its gates, by name."""
    weights = {}
    if r.store == "cell":
        parts = {"weight_ih": "x", "weight_hh": "h", "bias_ih": "bx", "bias_hh": "bh"}
        return {f"cell.{name}": (part, GATES[r.cell]) for name, part in parts.items()}
    parts = [r.both] if r.both else ["x", "h"][: 1 + (r.cell != "mingru")]
    for gates in r.groups:
        names = [name.format(r.letters.get(gates, "")) for name in r.names]
        for k, part in enumerate(parts):
            weights[names[k] + ".weight" * (r.store == "linear")] = part, gates
            if r.store == "linear" and k < r.biases:
                weights[f"{names[k]}.bias"] = f"b{part[-1] if not r.both else 'x'}", gates
        if r.store != "linear":
            weights |= {names[2 + k]: (f"b{'xh'[k]}", gates) for k in range(r.biases)}
    return weights


def pack(r, ours):
    """Return our parameters under the author's names, in his layout."""

    def select(kind, gates):
        array = ours.get(f"{kind}_l0", np.zeros(len(GATES[r.cell]) * H))
        rows = dict(zip(GATES[r.cell], np.split(array, len(GATES[r.cell])), strict=True))
        return np.concatenate([rows[gate] for gate in gates])

    packed = {}
    for name, (part, gates) in list_weights(r).items():
        if part[0] == "b":
            array = select(f"bias_{'ih' if part == 'bx' else 'hh'}", gates)
            packed[name] = array[:, None] if r.is_column else array
        else:
            kinds = ["weight_ih" if letter == "x" else "weight_hh" for letter in part]
            array = np.concatenate([select(kind, gates) for kind in kinds], axis=1)
            packed[name] = array.T if r.is_turned else array
    return packed


# Its form, and its numbers ----------------------------------------------------------------------


def list_axes(r, n):
    """Return the axes of n numbers of a step."""
    axes = {"rows": ("B", n), "one": (1, "B", n), "vector": (n,), "column": (n, 1)}
    return axes.get(r.layout, (n, "B"))


def add_time(r, axes):
    """Return the axes of a sequence of steps."""
    at = 2 if r.layout == "columns" else int(r.batch_first)
    return (*axes[:at], "T", *axes[at:])


def list_keys(r):
    """Return the keys of the states in a dict or record."""
    return ["c" if name == r.c else "h" for name in r.states]


def group(r, leaves):
    """Return the states in the structure that an author passes; a record is a dict here."""
    alone = leaves[0] if len(leaves) == 1 else (*leaves,)
    structures = {"array": alone, "tuple": (*leaves,), "list": [*leaves]}
    return structures.get(r.state, dict(zip(list_keys(r), leaves, strict=True)))


def make_result(r):
    """Return what a call returns: the names of output and states in their structure."""
    state = group(r, r.states)
    is_flat = r.state == "array" and r.is_sequence and len(r.states) > 1
    rest = state if is_flat else (state,)
    every = tuple("memory" if name == r.c else "out" for name in r.states)
    results = {"all": every, "out": "out", "state": state, "out_state": ("out", *rest)}
    return results.get(r.result, (*rest, "out"))


def list_places(result, path=()):
    """Return the place of each name in a result."""
    if isinstance(result, str):
        return {result: path}
    items = result.items() if isinstance(result, dict) else enumerate(result)
    return {n: p for key, item in items for n, p in list_places(item, (*path, key)).items()}


def make_form(r, names):
    """Return how it is called."""
    state, marks, places = list_axes(r, H), [LEAF] * len(r.states), list_places(make_result(r))
    axes = state
    if r.is_sequence:
        axes = ("T", *state) if r.is_list else add_time(r, state)
    last = [places[name] for name in r.states if name in places]
    if r.result == "all":
        last = [(0,), (1,)]
    structure = names["State"](*marks) if r.state == "record" else group(r, marks)
    structures = marks if r.state == "array" else [structure]
    arguments = r.states if r.state == "array" else [r.one]
    roles = [f"state={name}" if r.is_optional else "state" for name in arguments * r.is_passed]
    is_first = r.state_comes_first and not r.is_optional
    return CallForm(
        "" if not r.is_object else r.method,
        add_time(r, list_axes(r, V)) if r.is_sequence else list_axes(r, V),
        tuple([*roles, "x"] if is_first else ["x", *roles]),
        tuple(structures * r.is_passed),
        (state,) * len(r.states) if r.state != "none" else (),
        tuple(r.states) if r.state == "kept" else (),
        output=places["out"] if "out" in places else places[r.h],
        output_axes=axes,
        is_list=r.is_list,
        last=tuple(last),
        last_axes=(axes if r.result == "all" else state,) * len(last),
        begins_alone=r.is_optional or r.state == "none",
    )


def make_recurrence(r, names):
    """Return the rewrite as its author calls it; `names` are those of its file."""
    form, made = make_form(r, names), names[r.title]
    if r.is_object:
        holder = (ModuleHolder if r.kind == "module" else ObjectHolder)(made(V, H))
    else:
        zeros = {name: np.zeros(1) for name in list_weights(r)}
        own = {"params": names["init_params"](V, H)} if r.kind == "params" else zeros
        holder = FunctionHolder(made, own, torch if r.lib == "torch" else np)
    return Recurrence(holder, form, Sizes())


def find_layer(r):
    """Return the class of ours that has its numbers."""
    if r.known == r.cell:
        return CELLS[r.cell].scratch_layer
    mistakes = list_layer_mistakes(r.cell, is_forward=True, copies=False)
    return next(m.other_layer for m in mistakes if m.bug and m.bug.name == r.known)


def list_differences(r, names):
    """Return how far each of its results is from ours."""
    rng, layer = np.random.default_rng(0), find_layer(r)(V, H, dtype=np.dtype("float64"))
    biases = {f"bias_{side}_l0": k < r.biases for k, side in enumerate(("ih", "hh"))}
    for name, array in layer.parameters.items():
        array[...] = 0.5 * rng.normal(size=array.shape) * biases.get(name, True)
    recurrence = make_recurrence(r, names)
    form, packed = recurrence.form, pack(r, layer.parameters).values()
    x, given = rng.normal(size=(T, B, V)), rng.normal(size=(len(r.states), B, H))
    shapes = [(B, *list_features(axes)) for axes in form.states]
    own = [state.reshape(shape) for state, shape in zip(given, shapes, strict=False)]
    parameters = dict(zip(recurrence.holder.parameters, packed, strict=True))
    own_x = x.reshape(T, B, *list_features(form.x))
    output, last = recurrence.compute(own_x, own or None, parameters)
    order = [r.states.index(name) for name in (r.h, r.c) if name in r.states]
    ours = tuple(given[k][None] for k in order) if own else (None,)
    right, after, _ = layer.forward(x, ours if len(ours) > 1 else ours[0])
    pairs = [(right, output)]
    if last:
        pairs += zip(arrays_of(after), [last[k] for k in order], strict=True)
    return [float(np.abs(a - b.reshape(a.shape)).max()) for a, b in pairs]

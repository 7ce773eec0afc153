"""Write a rewrite of `rewrites` as source."""

from tests.compare.recurrences.rewrites import (
    H,
    group,
    list_axes,
    list_keys,
    list_weights,
    make_result,
)

LIBRARIES = {"np": "numpy as np", "torch": "torch"}


def refer(r, name):
    """Return how a weight is written where it is used."""
    in_dict = {"class": f'self.params["{name}"]', "params": f'params["{name}"]'}
    return in_dict[r.kind] if r.store == "dict" else f"self.{name}" if r.is_object else name


def write_product(r, value, gates, part):
    """Return the product of a weight and a value, with its bias."""
    weights = list_weights(r)
    name = next(n for n, each in weights.items() if each == (part, gates))
    if r.store == "linear":
        return f"{refer(r, name.removesuffix('.weight'))}({value})"
    weight = refer(r, name)
    factors = (f"{weight}.T" if r.is_turned else weight, value)
    if not r.is_column:
        factors = (value, weight if r.is_turned else f"{weight}.T")
    bias = "bh" if part == "h" else "bx"
    added = [refer(r, n) for n, each in weights.items() if each == (bias, gates)]
    return " + ".join([" @ ".join(factors), *added])


def write_step(r, x):
    """Return the lines that compute new states from x and the states."""
    h, c = r.h, r.c
    sigmoid, tanh = ("torch.sigmoid" if r.lib == "torch" else "sigmoid"), f"{r.lib}.tanh"
    axis = 0 if r.is_column else -1
    if r.store == "cell":
        return [f"{h} = self.cell({x}, {h})"] if r.cell != "lstm" else [
            f"{h}, {c} = self.cell({x}, ({h}, {c}))"
        ]  # fmt: skip
    lines = []

    def write_both(now):
        join = "torch.cat" if r.lib == "torch" else "np.concatenate"
        pair = f"{x}, {now}" if r.both == "xh" else f"{now}, {x}"
        lines.append(f"xh = {join}([{pair}], {axis})")

    def write_sums(letter, gates, *products):
        lines.append(f"a = {' + '.join(products)}")
        targets = ", ".join(f"{letter}_{gate}" for gate in gates)
        number = len(gates)
        split = (
            f"a.chunk({number}, {axis})" if r.lib == "torch" else f"np.split(a, {number}, {axis})"
        )
        lines.append(f"{targets} = {split if number > 1 else 'a'}")

    if r.both:
        write_both(h)
    for gates in sorted(r.groups, key="n".__eq__):  # its input is a gate's result
        if r.both:
            if gates == "n":
                lines.append(f"h_r = {sigmoid}(a_r) * {h}")
                write_both("h_r")
            write_sums("a", gates, write_product(r, "xh", gates, r.both))
            continue
        products = [write_product(r, x, gates, "x")]
        if r.cell != "mingru":
            products.append(write_product(r, h, gates, "h"))
        if r.cell == "gru":
            write_sums("a", gates, products[0])
            write_sums("y", gates, products[1])
        else:
            write_sums("a", gates, *products)
    if r.cell == "rnn":
        return [*lines, f"{h} = {tanh}(a_h)"]
    if r.cell == "lstm":
        lines.append(f"{c} = {sigmoid}(a_f) * {c} + {sigmoid}(a_i) * {tanh}(a_g)")
        return [*lines, f"{h} = {sigmoid}(a_o) * {tanh}({c})"]
    u = [f" + y_{gate}" * (r.cell == "gru" and not r.both) for gate in "rz"]
    reset = "" if not u[0] else f" + {sigmoid}(a_r{u[0]}) * y_n"
    n = "a_n" if r.cell == "mingru" else f"{tanh}(a_n{reset})"
    lines += [f"z = {sigmoid}(a_z{u[1]})", f"n = {n}"]
    shares = ("z", "(1 - z)") if r.is_inverted or r.cell == "mingru" else ("(1 - z)", "z")
    return [*lines, f"{h} = {shares[0]} * n + {shares[1]} * {h}"]


def write_zeros(r, batch=""):
    """Return a state at the beginning."""
    units = f"self.{r.H}"
    if not r.is_object:
        name, (_, gates) = next(iter(list_weights(r).items()))
        units = f"{refer(r, name)}.shape[{int(r.is_turned)}]" + f" // {len(gates)}" * (
            len(gates) > 1
        )
    first = r.layout == "rows" and (r.batch_first or not r.is_sequence)
    lengths = {1: "1", H: units, "B": batch or f"{r.x}.shape[{int(not first)}]"}
    shape = ", ".join(lengths[axis] for axis in list_axes(r, H))
    dtype = f", dtype={r.x}.dtype" * (r.lib == "torch" and not r.is_object)
    return f"{r.lib}.zeros(({shape},){dtype})"


def write_structure(r, value):
    """Return a structure of names as it is written."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        pairs = [f'"{key}": {name}' for key, name in value.items()]
        is_record = r.state == "record"
        return f"State({', '.join(value.values())})" if is_record else f"{{{', '.join(pairs)}}}"
    listed = ", ".join(write_structure(r, item) for item in value)
    return f"[{listed}]" if isinstance(value, list) else f"({listed},)"


def write_beginning(r):
    """Return the lines before the first step."""
    lines, zeros = [], write_zeros(r)
    listed = ", ".join(r.states)
    if r.store == "tuple":
        lines.append(f"{', '.join(list_weights(r))}, = params")
    access = {"dict": '{}["{}"]', "record": "{}.{}"}.get(r.state)
    parts = ", ".join(access.format(r.one, key) for key in list_keys(r)) if access else r.one
    unpack = f"{listed}{',' * (not access)} = {parts}"
    begin = f"{listed} = {', '.join([zeros] * len(r.states))}"
    if r.state == "none":
        lines.append(begin)
    elif r.state == "kept":
        for name in r.states:
            lines += [f"if self.{name} is None:", f"    self.{name} = {zeros}"]
            lines.append(f"{name} = self.{name}")
    elif r.state == "array":
        for name in r.states * r.is_optional:
            lines += [f"if {name} is None:", f"    {name} = {zeros}"]
    elif r.is_optional:
        lines += [f"if {r.one} is None:", f"    {begin}", "else:", f"    {unpack}"]
    else:
        lines.append(unpack)
    if r.layout == "one":
        lines += [f"{name} = {name}[0]" for name in (r.x, *r.states)]
    return lines


def write_body(r):
    """Return the lines of a call."""
    lines, x_t = write_beginning(r), "x_now" if r.is_sequence else r.x
    step = ["before = " + r.h] * r.has_backward + write_step(r, x_t)
    step += [f"self.cache.append(({x_t}, before, {r.h}))"] * r.has_backward
    lines += ["self.cache = []"] * r.has_backward
    if r.is_sequence:
        at = write_place(r)
        steps = f"for t in range({r.x}.shape[{at.count(':')}]):"
        lines += ["out, memory = [], []", steps, f"    {x_t} = {r.x}[{at}]"]
        lines += indent([*step, f"out.append({r.h})"])
        lines += [f"    memory.append({r.c})"] * (r.result == "all")
        every = ["out"] * (not r.is_list) + ["memory"] * (r.result == "all")
        lines += [f"{name} = {r.lib}.stack({name}, {at.count(':')})" for name in every]
    else:
        lines += [*step, *([f"{name} = {name}[None]" for name in r.states] * (r.layout == "one"))]
        lines.append(f"out = {r.h}")
    lines += [f"self.{name} = {name}" for name in r.states] * (r.state == "kept")
    return [*lines, f"return {write_structure(r, make_result(r))}"]


def write_place(r):
    """Return the index of a step in a sequence."""
    return ":, :, t" if r.layout == "columns" else ":, t" if r.batch_first else "t"


def write_backward(r):
    """Return the lines of the backward pass of an RNN in NumPy."""
    at, of_step = write_place(r), []
    for name, (part, _) in list_weights(r).items():
        weight, value = refer(r, name), {"x": "x_now", "h": "before"}.get(part)
        if part[0] == "b":
            sums = {"rows": "d_z.sum(0)", "columns": "d_z.sum(1, keepdims=True)"}
            gradient = sums.get(r.layout, "d_z")
        else:
            texts = {"rows": "{}.T @ {}", "vector": "np.outer({}, {})"}
            pair = (value, "d_z") if r.is_turned else ("d_z", value)
            gradient = texts.get(r.layout, "{} @ {}.T").format(*pair)
            turned = weight if r.is_column == r.is_turned else f"{weight}.T"
            back = f"{turned} @ d_z" if r.is_column else f"d_z @ {turned}"
            of_step.append(f"d_{part} = {back}")
        of_step.append(f'gradients["{name}"] = gradients["{name}"] + {gradient}')
    names = ", ".join(f'"{name}": 0' for name in list_weights(r))
    d_out = f"d_out[{'t' if r.is_list else at}]" if r.is_sequence else "d_out"
    of_step.insert(0, f"d_z = (d_h + {d_out}) * (1 - after ** 2)")
    lines = [f"gradients = {{{names}}}", f"d_h, d_xs = {'d_last' if r.takes_last else '0'}, []"]
    lines += ["for t in reversed(range(len(self.cache))):"]
    lines += ["    x_now, before, after = self.cache[t]"]
    d_x = f"np.stack(d_xs[::-1], {at.count(':')})" if r.is_sequence else "d_x"
    lines += [*indent([*of_step, "d_xs.append(d_x)"]), f"return {d_x}, d_h, gradients"]
    return [f"def backward(self, d_out{', d_last' * r.takes_last}):", *indent(lines)]


def indent(lines):
    return [f"    {line}" for line in lines]


def write_weights(r):
    """Return each weight's name, and the text that makes it."""
    for name, (part, gates) in list_weights(r).items():
        rows = f"{len(gates)} * {r.H}" if len(gates) > 1 else r.H
        columns = " + ".join({"x": r.V, "h": r.H}[letter] for letter in part if part[0] != "b")
        shape = f"{rows}, {columns}" if not r.is_turned else f"{columns}, {rows}"
        if part[0] == "b":
            shape = f"{rows}, 1" if r.is_column else f"{rows},"
        bare, _, kind = name.partition(".")
        if r.store == "linear" and kind == "weight":
            bias = "" if f"{bare}.bias" in list_weights(r) else ", bias=False"
            yield bare, f"nn.Linear({columns}, {rows}{bias})"
        elif r.store != "linear":
            random = f"torch.randn({shape})" if r.lib == "torch" else f"rng.normal(size=({shape}))"
            yield name, f"0.3 * {random}"


def write_beginning_of_file(r):
    """Return what stands before the layer."""
    lines = ["from dataclasses import dataclass", f"import {LIBRARIES[r.lib]}"]
    if r.lib == "torch":
        lines.append("from torch import nn")
    else:
        lines += ["rng = np.random.default_rng(0)"]
        lines += ["def sigmoid(a):", "    return 1 / (1 + np.exp(-a))"]
    if r.state == "record":
        fields = [f"{key}: object" for key in list_keys(r)]
        lines += ["@dataclass", "class State:", *indent(fields)]
    return lines


def write_signature(r):
    """Return the arguments of a call."""
    states = (r.states if r.state == "array" else [r.one]) * r.is_passed
    required = [r.x] if r.is_optional else [*states, r.x] if r.state_comes_first else [r.x, *states]
    if r.kind == "params":
        required = ["params", *required] if r.state_comes_first else [*required, "params"]
    if r.kind == "weights":
        required += list_weights(r)
    return ", ".join([*required, *(f"{name}=None" for name in states * r.is_optional)])


def write_function(r):
    """Return the lines of a function, and of one that makes its parameters."""
    lines = [f"def layer({write_signature(r)}):", *indent(write_body(r))]
    if r.kind == "params":
        made = dict(write_weights(r))
        pairs = [f'"{name}": {text}' for name, text in made.items()]
        made = f"{{{', '.join(pairs)}}}" if r.store == "dict" else f"({', '.join(made.values())},)"
        lines += [f"def init_params({r.V}, {r.H}):", f"    return {made}"]
    return lines


def write_class(r):
    """Return the lines of a module, or of a class of NumPy."""
    init = ["super().__init__()"] * (r.kind == "module") + [f"self.{r.H} = {r.H}"]
    init += [f"self.{name} = None" for name in r.states * (r.state == "kept")]
    weights = dict(write_weights(r))
    if r.store == "cell":
        init.append(f"self.cell = nn.{r.cell.upper()}Cell({r.V}, {r.H})")
    elif r.store == "dict":
        init += ["self.params = {}"]
        init += [f'self.params["{name}"] = {text}' for name, text in weights.items()]
    else:
        wrap = "nn.Parameter({})" if r.store == "parameter" else "{}"
        init += [f"self.{name} = {wrap.format(text)}" for name, text in weights.items()]
    methods = [f"def __init__(self, {r.V}, {r.H}):", *indent(init)]
    methods += [f"def {r.method}(self, {write_signature(r)}):", *indent(write_body(r))]
    if r.has_initial:
        made = group(r, [write_zeros(r, "batch_size")] * len(r.states))
        methods.append("def init_state(self, batch_size=1):")
        methods.append(f"    return {write_structure(r, made)}")
    methods += write_backward(r) if r.has_backward else []
    return [f"class {r.title}{'(nn.Module)' * (r.kind == 'module')}:", *indent(methods)]


def write_source(r):
    """Return a file with the rewrite and what it needs."""
    lines = write_class(r) if r.is_object else write_function(r)
    return "\n".join([*write_beginning_of_file(r), *lines, ""])

"""Small checkpoints."""

import numpy as np

from compare.implementations import CELLS
from compare.parity import name_state
from compare.runs.checkpoint import (
    Checkpoint,
    ModelFacts,
    OptimizerFacts,
    Position,
    Sampler,
    TextName,
)
from scratch_rnn import RNNModel
from scratch_rnn.arrays import arrays_of, state_of

VOCABULARY = ("<unk>", "e", "é")


def checkpoint(
    update=4,
    *,
    side="scratch",
    carry_state=True,
    dtype="float32",
    seed=0,
    vocabulary=VOCABULARY,
    hidden_size=2,
    num_steps=5,
    lr=0.1,
    **model,
):
    """Return a checkpoint of a small model; an epoch has 3 batches of 2 rows."""
    rng = np.random.default_rng(seed)
    V, H = len(vocabulary), hidden_size
    facts = {"cell": "rnn", "num_layers": 1, "nonlinearity": "tanh"} | model
    described = ModelFacts(vocab_size=V, hidden_size=H, dtype=dtype, **facts)
    layer = CELLS[described.cell].scratch_layer(V, H, num_layers=described.num_layers)
    network = RNNModel(layer, V)
    sampler = Sampler(
        max_tokens=None, sampling="sequential",
        batch_size=2, num_steps=num_steps, seed=7, batches=3,
    )  # fmt: skip
    has_state = carry_state and update % 3 > 0
    states = [rng.normal(size=a.shape).astype(dtype) for a in arrays_of(network.begin_state(2))]
    return Checkpoint(
        side=side,
        model=described,
        text=TextName(name='A "Book"', sha1="ab" * 20),
        vocabulary=vocabulary,
        sampler=sampler,
        optimizer=OptimizerFacts(lr=lr, max_norm=float("inf"), carry_state=carry_state),
        position=Position.locate(update, 3),
        state=state_of(states) if has_state else None,
        weights={
            name: rng.normal(size=array.shape).astype(dtype)
            for name, array in network.parameters.items()
        },
    )


def same(one, other):
    def everything(checkpoint):
        arrays = dict(checkpoint.weights)
        if checkpoint.state is not None:
            arrays |= name_state("state", checkpoint.state)
        bits = {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}
        return [checkpoint.side, checkpoint.setting, checkpoint.text, checkpoint.position, bits]

    return everything(one) == everything(other)


def files_in(directory):
    return sorted(path.name for path in directory.iterdir())

"""Small checkpoints."""

import numpy as np

from compare.implementations import CELLS
from compare.parity.weights import name_state
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


def checkpoint(update=4, *, side="scratch", carry_state=True, dtype="float32", seed=0, **model):
    """Return a checkpoint of 3 tokens, 2 units, 3 batches of 2 rows an epoch."""
    rng = np.random.default_rng(seed)
    described = ModelFacts(vocab_size=3, hidden_size=2, dtype=dtype, **model)
    options = {name: value for name, value in model.items() if name not in ("cell", "nonlinearity")}
    network = RNNModel(CELLS[described.cell].scratch_layer(3, 2, **options), 3)
    sampler = Sampler(
        token="char", max_tokens=None, sampling="sequential",
        batch_size=2, num_steps=5, seed=7, batches=3,
    )  # fmt: skip
    has_state = carry_state and update % 3 > 0
    states = [rng.normal(size=a.shape).astype(dtype) for a in arrays_of(network.begin_state(2))]
    return Checkpoint(
        side=side,
        model=described,
        text=TextName(name='A "Book"', sha1="ab" * 20),
        vocabulary=("<unk>", "e", "é"),
        sampler=sampler,
        optimizer=OptimizerFacts(lr=0.1, max_norm=float("inf"), carry_state=carry_state),
        position=Position.after(update, 3),
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

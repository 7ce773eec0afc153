# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A recurrent network, twice
#
# The lecture *Concise Implementation of RNNs* builds a character language model with PyTorch. Here
# are its cells, in its order, each beside the same thing written by hand in NumPy: `scratch_rnn`
# is the one without a framework, `concise_rnn` the one with. Whatever either of them computes, the
# other computes too, and we look.
#
# To open this file as a notebook: `jupytext --to ipynb notebooks/walkthrough.py`, or right-click
# in JupyterLab with jupytext installed.

# %%
import os

import numpy as np
import torch
from torch import nn

import compare
import concise_rnn
import scratch_rnn
from compare.terminal import LiveCurve
from scratch_rnn.text import sequential_batches

# %% tags=["parameters"]
num_epochs = int(os.environ.get("WALKTHROUGH_EPOCHS", "100"))  # the lecture trains for 500
text = os.environ.get("WALKTHROUGH_TEXT")  # a file of yours; None is The Time Machine

# %% [markdown]
# ## Loading the data set

# %%
batch_size, num_steps = 32, 35
batches, vocab = scratch_rnn.load_time_machine(batch_size, num_steps, text=text)
print(batches.text.describe())

# %%
print(list(vocab.token_to_idx.items()))

# %% [markdown]
# An epoch is cut into batches of 32 rows and 35 steps. Where the first cut falls is drawn anew for
# each epoch; the lecture's happened to drop the first 8 tokens, so we ask for that one.

# %%
batch_1 = next(sequential_batches(batches.corpus, batch_size, num_steps, offset=8))
sample_1 = batch_1.inputs[1, :]
sample_1

# %%
print(vocab.to_tokens(sample_1))

# %% [markdown]
# The targets are the same tokens one step on: after each of them, the model should name the next.

# %%
sample_1_y = batch_1.targets[1, :]
print(sample_1_y)
assert (sample_1_y[:-1] == sample_1[1:]).all()

# %% [markdown]
# ## Defining the model
#
# A layer with 256 hidden units, by hand and from the shelf. Both draw their initial weights at
# random; we copy those of the first to the second, and from here on they are the same function.

# %%
num_hiddens = 256
scratch_layer = scratch_rnn.RNN(len(vocab), num_hiddens, rng=np.random.default_rng(0))
concise_layer = nn.RNN(input_size=len(vocab), hidden_size=num_hiddens)
compare.copy_weights(scratch_layer, concise_layer)

{name: parameter.shape for name, parameter in scratch_layer.parameters.items()}

# %% [markdown]
# The state before the first step: layers, batch, hidden units.

# %%
state = np.zeros((1, batch_size, num_hiddens), np.float32)
state.shape

# %% [markdown]
# Given a state and an input, both compute the next state, for 35 steps in a row. `Y` holds the
# state after *each* step; it is what the layer hands to the next layer, not yet the output of the
# model.

# %%
X = np.random.default_rng(1).random((num_steps, batch_size, len(vocab)), dtype=np.float32)
Y, state_new = scratch_layer(X, state)
print(Y.shape, state_new.shape)

Y_torch, state_torch = concise_layer(torch.from_numpy(X), torch.from_numpy(state))
print(tuple(Y_torch.shape), tuple(state_torch.shape))

print("largest difference:", np.abs(Y - Y_torch.detach().numpy()).max())

# %% [markdown]
# What one step does can be written down in a line. Here is the first one, with the layer's own
# weights:
#
# $$h_1 = \tanh(W_{ih}\, x_1 + b_{ih} + W_{hh}\, h_0 + b_{hh})$$

# %%
W_ih, W_hh, b_ih, b_hh = scratch_layer.parameters.values()
h_1 = np.tanh(X[0] @ W_ih.T + b_ih + state[0] @ W_hh.T + b_hh)
print("largest difference to Y[0]:", np.abs(h_1 - Y[0]).max())

# %% [markdown]
# The model puts a linear layer on top, from the state of each step to a score for each token. Both
# models take tokens of shape (batch, steps) and give logits of shape (steps · batch, vocabulary).

# %%
scratch_model = scratch_rnn.RNNModel(scratch_layer, len(vocab), rng=np.random.default_rng(2))
concise_model = concise_rnn.RNNModel(concise_layer, len(vocab))
compare.copy_weights(scratch_model, concise_model)

logits, _ = scratch_model(batch_1.inputs, scratch_model.begin_state(batch_size))
logits_torch, _ = concise_model(
    torch.from_numpy(batch_1.inputs), concise_model.begin_state(batch_size)
)
print(logits.shape, tuple(logits_torch.shape))

# %% [markdown]
# ### The same function?
#
# One training step through both, every tensor side by side: states, logits, loss, each gradient,
# clipping, update. How far two right answers may lie apart is computed from this very case, by
# moving every number in it to a neighbouring float and watching what that does.

# %%
report = compare.check_parity(scratch_model, concise_model, batch_1)
for row in report.rows:
    print(f"{row.name:40} {row.difference:9.1e} of {row.allowed:9.1e} allowed  {row.ok}")
assert report.ok

# %% [markdown]
# ## Training and predicting
#
# Before training, a model with random weights repeats itself.

# %%
prefix = "time traveller"
print(scratch_rnn.predict(prefix, 10, scratch_model, vocab))
print(concise_rnn.predict(prefix, 10, concise_model, vocab))

# %% [markdown]
# One update by hand, in five lines. PyTorch does the first three in `loss.backward()`; the fourth
# is `clip_grad_norm_`, the fifth `optimizer.step()`. (We throw the result away: training comes
# below.)

# %%
begin = scratch_model.begin_state(batch_size)
logits, _, tape = scratch_model.forward(batch_1.inputs, begin)
loss, d_logits = scratch_rnn.cross_entropy(logits, batch_1.targets.T.reshape(-1))
gradients = scratch_model.backward(tape, d_logits)
norm = scratch_rnn.clip_grad_norm(gradients, 1.0)
print(f"loss {loss:.4f}, perplexity {scratch_rnn.perplexity(loss):.1f}, gradient norm {norm:.3f}")

# %% [markdown]
# Now both train, each on its own, on the very same batches; after each epoch a point is added to
# either curve. The lecture's call reset the state before every batch (`carry_state=False`), by
# accident; try `True`.

# %%
lr, carry_state = 0.1, False
sums = {"scratch": 0.0, "concise": 0.0, "tokens": 0}
legend = ["scratch (NumPy)", "concise (PyTorch)"]

with LiveCurve("epoch", "perplexity", legend, xlim=(1, num_epochs)) as curve:

    def on_update(update: compare.Update) -> None:
        """Sum the losses of an epoch, and draw its perplexity when it is complete."""
        sums["scratch"] += update.scratch_loss * update.num_tokens
        sums["concise"] += update.concise_loss * update.num_tokens
        sums["tokens"] += update.num_tokens
        if update.update % len(batches) == 0:
            perplexities = [
                scratch_rnn.perplexity(sums[side] / sums["tokens"])
                for side in ("scratch", "concise")
            ]
            curve.add(update.epoch + 1, perplexities)
            sums.update(scratch=0.0, concise=0.0, tokens=0)

    updates = compare.train_in_lockstep(
        scratch_model,
        concise_model,
        batches,
        lr,
        num_epochs,
        carry_state=carry_state,
        on_update=on_update,
    )

perplexity_scratch, perplexity_concise = (side[-1] for side in curve.y)
print(
    f"{batches.text.name}: perplexity scratch {perplexity_scratch:.2f}, "
    f"concise {perplexity_concise:.2f}"
)
print(f"largest difference between any two weights: {updates[-1].largest_difference:.1e}")

# %% [markdown]
# Two trainings, each of hundreds of thousands of roundings, and they are still together. What do
# they write?

# %%
for prefix in ("time traveller", "traveller"):
    written = scratch_rnn.predict(prefix, 50, scratch_model, vocab)
    print(written)
    print(concise_rnn.predict(prefix, 50, concise_model, vocab) == written)

# %% [markdown]
# ## Summary
#
# - PyTorch's recurrent layer gives the state after each step and the last state; the output layer
#   is ours to add.
# - By hand it is one loop forward and one loop back: `scratch_rnn/cells/elman.py`, derived line by
#   line in `docs/bptt.md`.
# - Both are the same function, step by step, as far as rounding lets us see.
#
# Next: `rnn-parity break` puts bugs into the code and lets you find them; `rnn-parity explain`
# draws what happens inside.

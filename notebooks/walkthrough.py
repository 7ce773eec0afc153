# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
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
# are its cells, in its order. Beside each of them stands the same computation in NumPy. There are
# three versions of the network:
#
# | version | where | what it is for |
# |---|---|---|
# | the plain version | `scratch_rnn/plain/elman.py` | to read first: the equations, step by step |
# | the fast version | `scratch_rnn`, from `scratch_rnn/cells/elman.py` up | the same, faster |
# | PyTorch | `concise_rnn` | the lecture's, with `nn.RNN` |
#
# All three compute the same function, and the cells below compare them.
#
# The notebook is kept twice: as `walkthrough.ipynb`, with its outputs, and as `walkthrough.py`,
# which is easy to compare and to search. To open it, install the project with
# `pip install -e '.[notebook]'` and start `jupyter lab notebooks/walkthrough.ipynb`. If you save it
# there, jupytext writes both files.

# %%
import copy
import os

import numpy as np
import torch
from torch import nn

import compare
import concise_rnn
import scratch_rnn
from compare.terminal import LiveCurve
from scratch_rnn.plain import cells as plain_cells
from scratch_rnn.plain import elman as plain
from scratch_rnn.plain import model as plain_model
from scratch_rnn.text import sequential_batches

# %% tags=["parameters"]
num_epochs = int(os.environ.get("WALKTHROUGH_EPOCHS", "100"))  # the lecture trains for 500
text = os.environ.get("WALKTHROUGH_TEXT")  # your own text file; None: The Time Machine

# %% [markdown]
# ## Loading the data set

# %%
batch_size, num_steps = 32, 35
batches, vocab = scratch_rnn.load_time_machine(batch_size, num_steps, text=text)
print(batches.text.describe())

# %%
print(list(vocab.token_to_idx.items()))

# %% [markdown]
# The text is cut into batches of 32 rows and 35 steps. In each epoch the first cut is at another
# place, drawn at random. In the lecture's first batch it was after 8 tokens, so we ask for 8 here.

# %%
batch_1 = next(sequential_batches(batches.corpus, batch_size, num_steps, offset=8))
sample_1 = batch_1.inputs[1, :]
sample_1

# %%
print(vocab.to_tokens(sample_1))

# %% [markdown]
# The targets are the same tokens, one step later: after each token, the model should predict the
# next one.

# %%
sample_1_y = batch_1.targets[1, :]
print(sample_1_y)
assert (sample_1_y[:-1] == sample_1[1:]).all()

# %% [markdown]
# ## Defining the model
#
# A layer with 256 hidden units, in NumPy and in PyTorch. Both draw their initial weights at random.
# We copy the weights of the first to the second, so that both are the same function.

# %%
num_hiddens = 256
scratch_layer = scratch_rnn.RNN(len(vocab), num_hiddens, rng=np.random.default_rng(0))
concise_layer = nn.RNN(input_size=len(vocab), hidden_size=num_hiddens)
compare.copy_weights(scratch_layer, concise_layer)

{name: parameter.shape for name, parameter in scratch_layer.parameters.items()}

# %% [markdown]
# The state before the first step has shape (layers, batch, hidden units).

# %%
state = np.zeros((1, batch_size, num_hiddens), np.float32)
state.shape

# %% [markdown]
# ### The plain version
#
# A recurrent layer computes each state from an input and the state before it:
#
# $$h_t = \tanh(W_{ih}\, x_t + b_{ih} + W_{hh}\, h_{t-1} + b_{hh})$$
#
# In NumPy this is one line. The arrays have a row for each sequence of the batch, so $W x$ is
# written `x @ W.T`. Here is the first step, and then the plain version, which takes 35 of these
# steps in a loop.

# %%
X = np.random.default_rng(1).random((num_steps, batch_size, len(vocab)), dtype=np.float32)
W_ih, W_hh, b_ih, b_hh = scratch_layer.parameters.values()

h_1 = np.tanh(X[0] @ W_ih.T + b_ih + state[0] @ W_hh.T + b_hh)
Y_plain, state_plain, _ = plain.rnn_forward(X, state[0], W_ih, W_hh, b_ih, b_hh)
print(Y_plain.shape, state_plain.shape)
print("largest difference of the first step:", np.abs(h_1 - Y_plain[0]).max())

# %% [markdown]
# ### The fast version, and PyTorch
#
# The fast layer is called like `nn.RNN`. `Y` holds the state after *each* step. It is not yet the
# output of the model.

# %%
Y, state_new = scratch_layer(X, state)
print(Y.shape, state_new.shape)

Y_torch, state_torch = concise_layer(torch.from_numpy(X), torch.from_numpy(state))
print(tuple(Y_torch.shape), tuple(state_torch.shape))

print("largest difference to the plain version:", np.abs(Y - Y_plain).max())
print("largest difference to PyTorch: ", np.abs(Y - Y_torch.detach().numpy()).max())

# %% [markdown]
# The model adds a linear layer, which turns the state of each step into a logit for each token.
# Both models take tokens of shape (batch, steps) and return logits of shape
# (steps · batch, vocabulary).

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
# ### Is it the same function?
#
# Both models take one training step, and every tensor of it is compared: states, logits, loss,
# gradients, clipped gradients, updated parameters. Two correct results may differ by rounding. The
# tolerance is computed for this case: every float that goes into it is moved to a neighbouring
# float at random, and the change of the results is measured.

# %%
report = compare.check_parity(scratch_model, concise_model, batch_1)
for row in report.rows:
    print(f"{row.name:40} {row.difference:9.1e} of {row.allowed:9.1e} allowed  {row.ok}")
assert report.ok

# %% [markdown]
# ## Training and predicting
#
# Before training, the weights are random, and the text makes no sense.

# %%
prefix = "time traveller"
print(scratch_rnn.predict(prefix, 10, scratch_model, vocab))
print(concise_rnn.predict(prefix, 10, concise_model, vocab))

# %% [markdown]
# ### One update, in five lines
#
# An update has five parts: forward, loss, backward, clip, update. In `scratch_rnn` each of them is
# one line. All updates in this section are made on copies of the models. The training below begins
# with the weights as they are now.

# %%
model = copy.deepcopy(scratch_model)
optimizer = scratch_rnn.SGD(model.parameters, lr=0.1)
targets = batch_1.targets.T.reshape(-1)  # (T·B,), in the order of the logits

logits, _, tape = model.forward(batch_1.inputs, model.begin_state(batch_size))
loss, d_logits = scratch_rnn.cross_entropy(logits, targets)
gradients = model.backward(tape, d_logits)
norm = scratch_rnn.clip_grad_norm(gradients, max_norm=1.0)
optimizer.step(gradients)

print(f"loss {loss:.4f}, perplexity {scratch_rnn.perplexity(loss):.1f}, gradient norm {norm:.4f}")

# %% [markdown]
# The same five lines in PyTorch. `loss.backward()` does what `model.backward(tape, d_logits)` does:
# autograd has recorded the forward pass, so there is no `tape` in the code.

# %%
model_torch = copy.deepcopy(concise_model)
optimizer_torch = torch.optim.SGD(model_torch.parameters(), lr=0.1)

inputs_torch = torch.from_numpy(batch_1.inputs)
logits_torch, _ = model_torch(inputs_torch, model_torch.begin_state(batch_size))
loss_torch = nn.functional.cross_entropy(logits_torch, torch.from_numpy(targets))
loss_torch.backward()
norm_torch = nn.utils.clip_grad_norm_(model_torch.parameters(), max_norm=1.0)
optimizer_torch.step()

perplexity_torch = scratch_rnn.perplexity(loss_torch.item())
print(f"loss {loss_torch:.4f}, perplexity {perplexity_torch:.1f}, gradient norm {norm_torch:.4f}")

# %% [markdown]
# And with the plain version. Its parameters are a list, in the order of a PyTorch model's
# `state_dict`. `loss_and_gradients` is forward, loss and backward in one. It takes tokens of shape
# (steps, batch).

# %%
parameters = [parameter.copy() for parameter in scratch_model.parameters.values()]

loss, gradients, _ = plain_model.loss_and_gradients(
    plain_cells.CELLS["rnn"], batch_1.inputs.T, batch_1.targets.T, [state[0]], parameters
)
norm = plain.clip_grad_norm(gradients, max_norm=1.0)
plain.update(parameters, gradients, lr=0.1)

print(f"loss {loss:.4f}, perplexity {scratch_rnn.perplexity(loss):.1f}, gradient norm {norm:.4f}")

for updated, with_plain_version, with_torch in zip(
    model.parameters.values(), parameters, model_torch.parameters(), strict=True
):
    print(
        f"{updated.shape!s:12} largest difference to the plain version "
        f"{np.abs(updated - with_plain_version).max():.1e}, "
        f"to PyTorch {np.abs(updated - with_torch.detach().numpy()).max():.1e}"
    )

# %% [markdown]
# ### Another optimizer
#
# Adam divides the mean of past gradients by their usual size, so each weight moves by about `lr`,
# whether its gradient is large or small. `scratch_rnn.Adam` follows PyTorch's rules. Again on
# copies, one pass over the batches:

# %%
model, model_torch = copy.deepcopy(scratch_model), copy.deepcopy(concise_model)
optimizer = scratch_rnn.Adam(model.parameters, lr=0.001)
optimizer_torch = torch.optim.Adam(model_torch.parameters(), lr=0.001)

for batch in batches:
    step = scratch_rnn.train_step(model, batch, None, optimizer)
    step_torch = concise_rnn.train_step(model_torch, batch, None, optimizer_torch)
    print(f"loss {step.loss:.4f} with NumPy, {step_torch.loss:.4f} with PyTorch")

# %% [markdown]
# ### Many updates
#
# Now both models are trained on the same batches, each with its own gradients. After each epoch
# both curves get a new point. The lecture's call resets the state before every batch
# (`carry_state=False`), by accident. Try `True`, too.

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
# After all these updates the weights of both models are still nearly equal. What text do the models
# generate?

# %%
for prefix in ("time traveller", "traveller"):
    written = scratch_rnn.predict(prefix, 50, scratch_model, vocab)
    print(written)
    print(concise_rnn.predict(prefix, 50, concise_model, vocab) == written)

# %% [markdown]
# ## Summary
#
# - PyTorch's recurrent layer returns the state after each step and the last state. The output
#   layer is not part of it.
# - In NumPy it is one loop forward and one loop backward: `scratch_rnn/plain/elman.py`. The
#   derivation is in `docs/learn/bptt.md`, line by line.
# - `scratch_rnn/cells/elman.py` is the same layer, faster.
# - All of them compute the same function, up to rounding.
# - Each step back multiplies a gradient by the slope of tanh and by $W_{hh}^T$, so after many steps
#   little of it is left. Along the LSTM's second state, $c$, it is multiplied by the forget gate
#   alone. `docs/learn/memory.md` measures how far each cell remembers.
#
# Next: `rnn-parity explain` shows every number of the network for a text of yours. At the end of
# its page is a game: a bug is put into the page's code, and you find it.

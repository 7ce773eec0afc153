"""Train page one on the built-in story, then let it write: ``python -m scratch_rnn.plain``."""

import time

import numpy as np
from threadpoolctl import threadpool_limits

from scratch_rnn.plain.elman import (
    Array,
    clip_grad_norm,
    loss_and_gradients,
    one_hot,
    rnn_step,
    update,
)
from scratch_rnn.text import Batches, Vocab, load_corpus, sample_text

T, B, H = 35, 32, 128
EPOCHS, LR, MAX_NORM = 160, 1.0, 1.0
PREFIX = "the clock "


def init_parameters(V: int, H: int, rng: np.random.Generator) -> list[Array]:
    """Draw W_ih, W_hh, b_ih, b_hh, W and b from -1/√H to 1/√H, as torch does."""
    shapes = [(H, V), (H, H), (H,), (H,), (V, H), (V,)]
    return [(rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(np.float32) for shape in shapes]


def predict(prefix: str, num_preds: int, parameters: list[Array], vocab: Vocab) -> str:
    """Read the prefix, then add num_preds characters, each the likeliest one."""
    W_ih, W_hh, b_ih, b_hh, W, b = parameters
    ids = vocab[list(prefix)]
    h = np.zeros((1, H), W.dtype)  # one sequence: B is 1
    for t in range(len(prefix) + num_preds - 1):
        x_t = one_hot(np.array([ids[t]]), len(b), W.dtype)  # (1, V)
        h = rnn_step(x_t, h, W_ih, W_hh, b_ih, b_hh)
        if t + 1 == len(ids):  # the prefix has been read
            y_t = h @ W.T + b  # (1, V)
            ids.append(int(y_t.argmax()))
    return "".join(vocab.to_tokens(ids))


def main() -> None:
    """Train for some seconds, and show on the way what the network has learned."""
    text = sample_text()
    corpus, vocab = load_corpus(text, max_tokens=None)
    batches = Batches(corpus, batch_size=B, num_steps=T)
    parameters = init_parameters(len(vocab), H, np.random.default_rng(0))
    print(f"{text.name}: {len(corpus):,} characters, {len(vocab)} different; {H} hidden units\n")
    print(f"epoch   0  untrained         {predict(PREFIX, 40, parameters, vocab)}", flush=True)

    begin = time.perf_counter()
    for epoch in range(EPOCHS):
        h = np.zeros((B, H), np.float32)
        losses = []
        for inputs, targets in batches.epoch(epoch):
            # h goes on from batch to batch; its gradient does not
            loss, gradients, h = loss_and_gradients(inputs.T, targets.T, h, parameters)
            clip_grad_norm(gradients, MAX_NORM)
            update(parameters, gradients, LR)
            losses.append(loss)
        if (epoch + 1) % 20 == 0:
            perplexity = np.exp(np.mean(losses))
            written = predict(PREFIX, 40, parameters, vocab)
            print(f"epoch {epoch + 1:3}  perplexity {perplexity:5.2f}  {written}", flush=True)

    seconds = time.perf_counter() - begin
    updates = EPOCHS * len(batches)
    print(f"\n{updates:,} updates in {seconds:.1f} s. After {PREFIX!r} it writes:\n")
    print(predict(PREFIX, 200, parameters, vocab))


if __name__ == "__main__":
    with threadpool_limits(1):  # for products this small, more threads cost more than they give
        main()

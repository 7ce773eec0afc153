"""Text for a language model: load it, clean it, map tokens to ids, make minibatches.

>>> text = sample_text()
>>> corpus, vocab = load_corpus(text)
>>> batches = Batches(corpus, batch_size=32, num_steps=35)
>>> inputs, targets = next(iter(batches))
>>> inputs.shape, len(batches)
((32, 35), 8)
"""

from scratch_rnn.text.batches import Batch, Batches, random_batches, sequential_batches
from scratch_rnn.text.corpus import Text, clean, load_text, recall_text, sample_text
from scratch_rnn.text.errors import DataError
from scratch_rnn.text.load import load_corpus, load_time_machine
from scratch_rnn.text.vocab import Vocab

__all__ = [
    "Batch",
    "Batches",
    "DataError",
    "Text",
    "Vocab",
    "clean",
    "load_corpus",
    "load_text",
    "load_time_machine",
    "random_batches",
    "recall_text",
    "sample_text",
    "sequential_batches",
]

"""Clean a text piece by piece, so that a large file is never in memory as a whole.

The result is the same as that of :func:`clean` with all lines joined: the letters a to z, and one
space between two words of a line. It works on the bytes of UTF-8. There every byte of a non-ASCII
character is 128 or larger, so it is never confused with a letter.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import UInt8

from scratch_rnn.arrays import Array

SPACE, LINE_END = ord(" "), ord("\n")


def _table() -> UInt8[Array, "256"]:
    """Return the new value of each byte: a lower-case letter, the end of a line, or a space."""
    table = np.full(256, SPACE, np.uint8)
    for letter in range(ord("a"), ord("z") + 1):
        table[letter] = table[letter - ord("a") + ord("A")] = letter
    table[[ord("\n"), ord("\r")]] = LINE_END
    return table


TABLE = _table()


def characters(pieces: Iterable[bytes]) -> Iterator[UInt8[Array, " N"]]:
    """Yield the letters and spaces of a text, as bytes."""
    in_word = line_has_word = False  # at the end of the previous piece
    for piece in pieces:
        x = TABLE[np.frombuffer(piece, np.uint8)]
        is_letter = x >= ord("a")
        before = np.concatenate([[in_word], is_letter[:-1]])
        starts = np.flatnonzero(is_letter & ~before)  # of words
        line = np.cumsum(x == LINE_END, dtype=np.int32)  # number of the line, from 0
        line_of_word = line[starts]
        # A word start is preceded by a space if the word before it is on the same line.
        line_before = np.concatenate([[0 if line_has_word or in_word else -1], line_of_word[:-1]])
        spaced = starts[line_of_word == line_before] if len(starts) else starts
        kept = is_letter.copy()
        kept[spaced[spaced > 0] - 1] = True
        x[spaced[spaced > 0] - 1] = SPACE
        if len(spaced) and spaced[0] == 0:
            yield np.array([SPACE], np.uint8)
        yield x[kept]
        if len(x):
            last_word = line_of_word[-1] if len(starts) else 0 if line_has_word or in_word else -1
            line_has_word = bool(last_word == line[-1])
            in_word = bool(is_letter[-1])


def words(pieces: Iterable[bytes]) -> Iterator[list[str]]:
    """Yield the words of a text, in lists."""
    rest = b""  # the start of a word that may continue in the next piece
    spaces = np.where(TABLE == LINE_END, SPACE, TABLE).astype(np.uint8).tobytes()
    for piece in pieces:
        *found, rest = (rest + piece.translate(spaces)).split(b" ")
        yield [word.decode() for word in found if word]
    if rest:
        yield [rest.decode()]

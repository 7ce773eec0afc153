"""The books that can be downloaded. One more book is one more entry in `BOOKS`.

`load_text` takes the name of an entry, and so does the option ``--text``.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Book:
    """A book, its address, and what identifies it.

    Attributes
    ----------
    title : str
    file : str
        Name of its file in the cache and in the directory in `RNN_PARITY_DATA`.
    url : str
        Address of the download.
    url_variable : str
        Environment variable that replaces the address.
    sha1 : str
        SHA-1 of the file's bytes.
    """

    title: str
    file: str
    url: str
    url_variable: str
    sha1: str

    def is_text(self, raw: bytes) -> bool:
        """Return whether the bytes are the book's."""
        return sha1_of(raw) == self.sha1


def sha1_of(raw: bytes) -> str:
    """Return the SHA-1 of some bytes. It identifies a text; it does not protect it."""
    return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


BOOKS = {
    "time machine": Book(
        title="The Time Machine",
        file="timemachine.txt",
        url="https://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",
        url_variable="RNN_PARITY_URL",
        sha1="090b5e7e70c295757f55df93cb0a180b9691891a",
    ),
}

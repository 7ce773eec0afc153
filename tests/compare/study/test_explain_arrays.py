"""Arrays are packed into the page without loss, and what fits is chosen."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from compare.study.page.build import choose, render, spread
from compare.study.page.packing import pack
from compare.study.page.record import record
from tests.compare.parity.courses import course
from tests.compare.study.pages import MEGABYTE, unpacked

floats = st.floats(width=32, allow_nan=False)


@given(st.lists(st.tuples(floats, floats), max_size=20), st.sampled_from(["f4", "f8"]))
def test_floats_survive_packing_bit_for_bit(pairs, dtype):
    a, b = (np.array([pair[side] for pair in pairs], dtype) / 3 for side in (0, 1))
    found = unpacked(*pack({"h": a, "torch.h": b}))
    assert found["h"].tobytes() == a.tobytes()
    np.testing.assert_array_equal(found["torch.h"], b)  # -0.0 and 0.0 share a place


def test_the_order_is_last_first_and_then_whatever_is_farthest():
    assert [spread(n) for n in (1, 2, 5)] == [[0], [1, 0], [4, 0, 2, 3, 1]]


@example([(3, 4), (5, 6)], 18)  # all of it is exactly as large
@example([(3, 4), (5, 6)], 14)  # and so is all but the weights of the first
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 99)), min_size=1, max_size=9),
    st.integers(0, 500),
)
def test_the_chosen_checkpoints_fit_and_no_more_would(sizes, most_bytes):
    numbers, details = [n for n, _ in sizes], [d for _, d in sizes]
    kept, with_details = choose(numbers, details, most_bytes)
    last = len(sizes) - 1
    assert last in kept
    assert set(with_details) <= set(kept)
    left = most_bytes - sum(numbers[i] for i in kept) - sum(details[i] for i in with_details)
    if kept != [last] or with_details:
        assert left >= 0
    assert all(numbers[i] > left for i in range(last) if i not in kept)
    assert all(details[i] > left for i in kept if i not in with_details) or left < 0
    if details[last] + numbers[last] <= most_bytes:
        assert last in with_details


def test_a_page_is_as_small_as_it_is_to_be():
    made = record("time traveller", course(80, gains=(1.0, 1.1, 1.2, 1.3)))
    _, whole = render(made, most_bytes=MEGABYTE)
    for less, kept in {0: (4, 4), 61_000: (4, 3), 211_000: (3, 1), 281_000: (3, 0)}.items():
        page, size = render(made, most_bytes=whole.num_bytes + 2_000 - less)
        assert len(page.encode()) == size.num_bytes <= size.most_bytes
        assert size.kept[-1] == 3
        assert (len(size.kept), len(size.with_details)) == kept

"""Draw the moving picture of README.md: the demonstration network while it reads.

    python docs/scripts/draw_reading.py    # writes docs/images/reading.svg

All numbers are the network's own. A reader who prefers reduced motion sees one step of it, and a
dark theme has its own colours. The picture loads nothing.
"""

from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np
from pages import DOCS

import scratch_rnn
from compare.implementations import CELLS, Array
from compare.parity import write_parameters
from compare.study.page.explain import demonstration

TEXT = "time traveller"
STILL = 7  # the step that a still picture shows, from 0
SECONDS, REST = 0.8, 1.6  # for each letter, and before the text begins again
NUM_LIKELY, NUM_EDGES = 6, 60
LEVELS = 10  # of colour, on each side of 0

LIGHT = {"paper": "#fcfaf5", "ink": "#1d1c1a", "soft": "#5d5a53", "line": "#ddd7ca"}
LIGHT |= {"accent": "#8f3d02"}
LIGHT_SCALE = "#1b4f96 #4d8bd0 #a9c9ea #f3efe6 #f3c595 #dd8432 #9c4407"
DARK = {"paper": "#15161a", "ink": "#ece8df", "soft": "#aaa69c", "line": "#363840"}
DARK |= {"accent": "#ffb67d"}
DARK_SCALE = "#6db4ff #3a80cf #254f80 #25272e #7b4417 #cc701f #ff9c42"
"""The colours of the explain page; a scale goes from -1 to 1."""

WIDTH, HEIGHT = 960, 470
LETTER = (WIDTH - 40) / len(TEXT)  # the width of a letter's place
LEFT, RIGHT, TOP, ROW, CELL = 110, 560, 176, 17, 44  # the states: two columns, their rows, a cell
MIDDLE = (LEFT + CELL + RIGHT) / 2
BARS = 690

STYLE = """
text { font: 15px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: var(--soft) }
.letter { font: 28px ui-monospace, "DejaVu Sans Mono", monospace; text-anchor: middle }
.token { font: 22px ui-monospace, "DejaVu Sans Mono", monospace; text-anchor: end }
.token { fill: var(--ink) }
.middle { text-anchor: middle }
@media (max-width: 500px) { /* of the picture, as on a phone */
  text { font-size: 27px }
  .letter { font-size: 44px }
  .token { font-size: 36px }
  .wide { display: none }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important } }
"""


def read_text() -> tuple[Array, Array, Array, list[str]]:
    """Return states (T+1, H), the first one zero, probabilities (T, V), W_hh and the vocabulary."""
    network = demonstration("rnn")
    H, vocab = network.setting.hidden_size, network.vocab
    model = scratch_rnn.RNNModel(CELLS["rnn"].scratch_layer(len(vocab), H), len(vocab))
    write_parameters(model, network.snapshots[-1].weights)
    ids = np.array([vocab[list(TEXT)]])
    logits, _, tape = model.forward(ids, model.begin_state())
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    states = np.concatenate([np.zeros((1, H)), tape.h])
    W_hh = model.parameters["rnn.weight_hh_l0"]
    return states, exps / exps.sum(axis=1, keepdims=True), W_hh, vocab.idx_to_token


def mix_colours(scale: str, share: float) -> str:
    """Return the colour of a scale at a share of its length, from 0 to 1."""
    stops = [[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in scale.split()]
    place = share * (len(stops) - 1)
    first = min(int(place), len(stops) - 2)
    ends = zip(stops[first], stops[first + 1], strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - first)):02x}" for a, b in ends)


def list_colours(theme: dict[str, str], scale: str) -> str:
    """Return the custom properties of a theme: --paper …, and --c0 … of the levels."""
    count = 2 * LEVELS + 1
    levels = {f"c{n}": mix_colours(scale, n / (count - 1)) for n in range(count)}
    return "; ".join(f"--{name}: {colour}" for name, colour in (theme | levels).items())


def colour_of(value: float) -> str:
    """Return the colour of a number from -1 to 1."""
    return f"var(--c{round((1 + float(value)) * LEVELS)})"


def show_token(token: str) -> str:
    """Return a token as it is drawn: a space would be invisible."""
    return "␣" if token == " " else token


class Film:
    """A picture of which some elements have another style in each step of the text."""

    def __init__(self, title: str) -> None:
        box = f"0 0 {WIDTH} {HEIGHT}"
        self.root = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=box, role="img")
        SubElement(self.root, "title").text = title
        self.style = SubElement(self.root, "style")
        self.style.text = f"svg {{ {list_colours(LIGHT, LIGHT_SCALE)} }}\n"
        dark = f"svg {{ {list_colours(DARK, DARK_SCALE)} }}"
        self.style.text += f"@media (prefers-color-scheme: dark) {{ {dark} }}{STYLE}"
        add(self.root, "rect", width=WIDTH, height=HEIGHT, rx=10, fill="var(--paper)")
        self.count = 0

    def move(self, element: Element, styles: list[str]) -> None:
        """Give an element a style for each step, and that of the still picture at rest."""
        self.count += 1
        name, seconds = f"m{self.count}", len(styles) * SECONDS + REST
        share, last = 100 * SECONDS / seconds, len(styles) - 1
        frames = []
        for step, style in enumerate(styles):  # each stays for three quarters of its time
            end = 100 if step == last else (step + 0.75) * share
            frames.append(f"{step * share:.2f}%, {end:.2f}% {{ {style} }}")
        self.style.text = f"{self.style.text}@keyframes {name} {{ {' '.join(frames)} }}\n"
        element.set("style", f"animation: {name} {seconds:g}s infinite; {styles[STILL]}")


def add(parent: Element, kind: str, text: str = "", **attributes: object) -> Element:
    """Add an element with a text; an attribute's name has _ in the place of -."""
    values = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items()}
    element = SubElement(parent, kind, values)
    element.text = text or None
    return element


def draw_text(film: Film, states: Array) -> None:
    """Draw the text, and under each letter the state after it, once it has been read."""
    steps = range(len(TEXT))
    for t, letter in enumerate(TEXT):
        x = 20 + t * LETTER
        place = add(film.root, "text", x=round(x + LETTER / 2), y=38)
        add(place, "tspan", show_token(letter), class_="letter")
        inks = ["accent" if t == now else "ink" if t < now else "soft" for now in steps]
        film.move(place, [f"fill: var(--{ink})" for ink in inks])
        strip = add(film.root, "g")
        for i, h in enumerate(states[t + 1]):
            size = {"x": round(x), "y": 50 + 4 * i, "width": round(LETTER) - 2, "height": 4}
            add(strip, "rect", fill=colour_of(h), **size)
        film.move(strip, [f"opacity: {int(t <= now)}" for now in steps])


def draw_weights(film: Film, W_hh: Array) -> None:
    """Draw the largest weights from the units before a letter to the units after it."""
    sizes = np.abs(W_hh)
    for i, j in np.argwhere(sizes >= np.sort(sizes, axis=None)[-NUM_EDGES]):
        y, v = (TOP + ROW * (unit + 0.5) for unit in (j, i))
        path = f"M{LEFT + CELL} {y}C{MIDDLE} {y} {MIDDLE} {v} {RIGHT} {v}"
        width, colour = 0.4 + 1.6 * sizes[i, j] / sizes.max(), colour_of(0.7 * np.sign(W_hh[i, j]))
        line = {"fill": "none", "opacity": 0.35, "stroke": colour, "stroke-width": f"{width:.1f}"}
        add(film.root, "path", d=path, **line)


def draw_states(film: Film, states: Array) -> None:
    """Draw the state before a letter and the state after it."""
    for x, before in ((LEFT, states[:-1]), (RIGHT, states[1:])):
        for i, unit in enumerate(before.T):
            size = {"x": x, "y": TOP + ROW * i, "width": CELL, "height": ROW - 2}
            cell = add(film.root, "rect", stroke="var(--line)", **size)
            film.move(cell, [f"fill: {colour_of(h)}" for h in unit])


def draw_probabilities(film: Film, p: Array, vocab: list[str]) -> None:
    """Draw the likeliest next letters of each step; the one that comes is in the accent colour."""
    for t, shares in enumerate(p):
        group = add(film.root, "g")
        for row, v in enumerate(np.argsort(-shares)[:NUM_LIKELY]):
            y, width = TOP + 45 * row, round(max(2.0, 150 * float(shares[v])))
            comes = TEXT[t + 1 : t + 2] == vocab[v]
            colour = "var(--accent)" if comes else "var(--soft)"
            add(group, "text", show_token(vocab[v]), class_="token", x=BARS + 18, y=y + 20)
            add(group, "rect", x=BARS + 30, y=y + 5, width=width, height=16, fill=colour)
            share = f"{100 * shares[v]:.0f} %{' ✓' * comes}"
            add(group, "text", share, x=BARS + 38 + width, y=y + 19)
        film.move(group, [f"opacity: {int(t == now)}" for now in range(len(p))])


def draw_headings(film: Film) -> None:
    """Say what the columns are."""
    y = TOP - 12
    add(film.root, "text", "state before", class_="middle", x=LEFT + CELL / 2, y=y)
    mixed = "mixed with the letter, then tanh"
    add(film.root, "text", mixed, class_="middle wide", x=MIDDLE, y=y)
    add(film.root, "text", "new state", class_="middle", x=RIGHT + CELL / 2, y=y)
    add(film.root, "text", "what comes next?", x=BARS, y=y)


def main() -> None:
    """Write the picture."""
    states, p, W_hh, vocab = read_text()
    film = Film(f"A network of {len(W_hh)} units reads “{TEXT}” and predicts each next letter")
    draw_text(film, states)
    draw_weights(film, W_hh)
    draw_states(film, states)
    draw_probabilities(film, p, vocab)
    draw_headings(film)
    picture = tostring(film.root, encoding="unicode")
    (DOCS / "images" / "reading.svg").write_text(picture + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""A catalogue of bugs that RNNs written by hand have had, each as a small change of our own.

Nothing here is invented to be nasty: each is a line that somebody wrote, in a course, a library or
a paper's code, and many of them train. `rnn-parity break` shows them to students; the tests apply
them all, and demand that the judge catches each one by the law that is named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from compare.check import judge
from compare.check.bugs.patches import Patch, diff, load_patched


@dataclass(frozen=True)
class Bug:
    """One bug, and what there is to learn from it."""

    name: str
    story: str  # what was done, in one sentence
    patches: tuple[Patch, ...]
    notice: str  # what a student should notice before knowing it
    hint: str
    why: str  # why the law below catches it
    caught_by: str  # name of the first law that it breaks

    @property
    def package(self) -> str:
        """The package that is wrong: `scratch_rnn`, or the one that compares."""
        return self.patches[0].package

    @property
    def files(self) -> list[str]:
        """The files that are changed."""
        return list(dict.fromkeys(patch.file for patch in self.patches))

    @cached_property
    def diff(self) -> str:
        """The change, as ``diff -u`` shows it."""
        return diff(self.patches)

    def load(self) -> ModuleType:
        """Import a copy of the package with the bug in it."""
        return load_patched(self.package, self.patches, self.name)

    def judge(self) -> judge.Finding | None:
        """Return the first law that the bug breaks."""
        checks = judge.CHECKS if self.package == "scratch_rnn" else judge.COMPARISON_CHECKS
        return judge.judge(self.load(), checks)


def find_bug(name: str) -> Bug:
    """Return the bug of this name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return next(bug for bug in BUGS if bug.name == name) if name in BUG_NAMES else _none(name)


def _none(name: str) -> Bug:
    raise KeyError(f"expected the name of a bug in the catalogue, got {name!r}")


def _bug(
    name: str,
    story: str,
    *patches: tuple[str, str, str],
    notice: str,
    hint: str,
    why: str,
    caught_by: str = "layer as torch",
) -> Bug:
    return Bug(name, story, tuple(Patch(*p) for p in patches), notice, hint, why, caught_by)


RECURRENCE = "scratch_rnn/cells/elman.py"
LAYER = "scratch_rnn/layer.py"
PADDING = "scratch_rnn/padding.py"
LOOKUP = "scratch_rnn/lookup.py"
CHECKS = "scratch_rnn/checks.py"
LOSS = "scratch_rnn/loss.py"
MODEL = "scratch_rnn/model.py"
OPTIM = "scratch_rnn/optim.py"
TRAIN = "scratch_rnn/train.py"
PREDICT = "scratch_rnn/predict.py"
BATCHES = "scratch_rnn/text/batches.py"
VOCAB = "scratch_rnn/text/vocab.py"
ROWS = "compare/parity/rows.py"
TOLERANCE = "compare/parity/tolerance.py"
WEIGHTS = "compare/parity/weights.py"

FORWARD = (
    _bug(
        "state-ignored",
        "The forward pass begins at zero, whatever state it is handed.",
        (RECURRENCE, "h[0] = h_0", "h[0] = 0"),
        notice="It learns a little less, from the second batch on. The first update is right to "
        "the last digit.",
        hint="Every test that begins at a zero state passes.",
        why="h_1 depends on h_0 through W_hh, so the output is wrong from step 1 on. Only a case "
        "with a random h_0 can see it, and such are all cases of the judge.",
    ),
    _bug(
        "weights-not-transposed",
        "The recurrent product uses W_hh where its transpose belongs.",
        (RECURRENCE, "Times(W_hh.T, B)", "Times(W_hh, B)"),
        notice="It begins to learn, and then gets worse: the gradients are those of another "
        "function.",
        hint="Square matrices fit either way; no shape error warns you.",
        why="Step 1 already multiplies h_0 with the wrong matrix. From a zero state the first step "
        "would be right, and step 2 the first wrong one.",
    ),
    _bug(
        "bias-hh-forgotten",
        "Two biases looked like one too many, so only b_ih is added.",
        (RECURRENCE, "W_ih.T + (b_ih + b_hh)", "W_ih.T + b_ih"),
        (RECURRENCE, "a += b_ih + b_hh", "a += b_ih"),
        notice="The curve is nearly the same. The loss before the first update is not.",
        hint="Load weights from PyTorch, and every number is off by a constant per unit.",
        why="nn.RNN has two biases. With weights copied from it, the pre-activation of every unit "
        "lacks its b_hh, at every step.",
    ),
    _bug(
        "exp-tanh",
        "tanh is built from its definition, out of exponentials.",
        (
            RECURRENCE,
            "np.tanh(z, out=z)",
            "np.divide(np.exp(z) - np.exp(-z), np.exp(z) + np.exp(-z), out=z)",
        ),
        notice="The curve is nearly the same, until a unit is driven far out; then all is NaN at "
        "once.",
        hint="What is exp(1000)? And infinity divided by infinity?",
        why="exp overflows past 88 in float32 and 709 in float64, and inf / inf is NaN. Small "
        "inputs never show it; a case of huge ones does.",
        caught_by="saturated",
    ),
    _bug(
        "state-of-one-row-for-all",
        "The state that is handed on is the first row's, for every row of the batch.",
        (
            PADDING,
            "h[-1] if lengths is None else",
            "h[-1][:1].repeat(h.shape[1], axis=0) if lengths is None else",
        ),
        notice="Reset, it trains as it should. Carried, it is a little worse, no more.",
        hint="With a batch of one row nothing is wrong.",
        why="h_n is compared for batches of several rows; the output is right, h_n is not.",
    ),
    _bug(
        "float32-buffer",
        "The states are kept in float32, whatever dtype was asked for.",
        (
            RECURRENCE,
            "np.empty((T + 1, *h_0.shape), h_0.dtype)",
            "np.empty((T + 1, *h_0.shape), np.float32)",
        ),
        notice="In float32 it is right to the last bit.",
        hint="Run it in float64. How many digits are left?",
        why="A float64 layer must give float64; dtypes are compared before numbers.",
    ),
    _bug(
        "tf32",
        "The recurrent product reads 10 bits of each weight's mantissa, as a GPU does in TF32.",
        (
            RECURRENCE,
            "    h[0] = h_0\n",
            "    h[0] = h_0\n"
            "    if W_hh.dtype == np.float32:\n"
            "        W_hh = (W_hh.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)\n",
        ),
        notice="The curve is nearly the same. Which is the first digit of the loss that differs?",
        hint="Compare digits, not pictures: which is the first digit that differs?",
        why="The difference is 1e-4 of the values, a thousand times what float32 rounding does to "
        "the same case. A typed-in tolerance of 1e-3 would let it pass.",
    ),
    _bug(
        "memory-reused",
        "The states' memory is kept and used again by the next forward pass, to save time.",
        (
            RECURRENCE,
            "h = np.empty((T + 1, *h_0.shape), h_0.dtype)",
            "kept = forward.__dict__.setdefault('kept', {})\n"
            "    key = id(W_hh), T, h_0.shape, h_0.dtype\n"
            "    h = kept.setdefault(key, np.empty((T + 1, *h_0.shape), h_0.dtype))",
        ),
        notice="Training goes forward and back in turn, and shows nothing.",
        hint="Call forward twice, and then backward for the first call.",
        why="The second forward pass writes over the first one's tape and output.",
        caught_by="many tapes",
    ),
)

BACKWARD = (
    _bug(
        "no-carry-back",
        "The gradient of step t is not handed on to step t-1.",
        (RECURRENCE, "d_h_t = times_W_hh(d_z_t)", "d_h_t = np.zeros_like(d_h_t)"),
        notice="It learns, and lags behind more and more: which letter follows which, and not much "
        "of words.",
        hint="What can a network learn about the past if no error travels there?",
        why="δh_t lacks W_hh^T δz_{t+1}. The last step has no step after it and is right; going "
        "back, the first wrong one is T-1.",
    ),
    _bug(
        "last-step-only",
        "W_hh learns from the last step of a batch alone, not from the sum over all.",
        (
            RECURRENCE,
            "d_W_hh = d_z_rows.T @ tape.h[:-1].reshape(T * B, H)",
            "d_W_hh = d_z[-1].T @ tape.h[-2]",
        ),
        notice="The gradient norm is a little too small, and learning slower from the first epoch "
        "on.",
        hint="Every step uses the same weights. How many of them report back?",
        why="δW_hh = Σ_t δz_t h_{t-1}^T. The gradients of x and h0 don't go through this sum and "
        "are right; that of W_hh isn't.",
    ),
    _bug(
        "state-one-step-late",
        "The gradient of W_hh pairs each step's error with the state after it.",
        (
            RECURRENCE,
            "tape.h[:-1].reshape(T * B, H)",
            "tape.h[1:].reshape(T * B, H)",
        ),
        notice="It learns for two epochs, and then ends above the perplexity that it began with. "
        "The first gradient norm is nearly right.",
        hint="z_t = … + W_hh h_{t-1}: which h belongs to δz_t?",
        why="δW_hh = Σ_t δz_t h_{t-1}^T, and here stands h_t. Everything else is right.",
    ),
    _bug(
        "tanh-derivative",
        "The derivative of tanh is written 1 - h, the square forgotten.",
        (RECURRENCE, "slopes: np.ndarray = h * h", "slopes: np.ndarray = h.copy()"),
        notice="It begins well, and ends worse than untrained. The first gradient is only three "
        "per cent too long.",
        hint="Draw 1 - h and 1 - h² over -1 … 1. Where do they meet?",
        why="The two agree only at h = 0 and h = 1, so that even the last step is wrong.",
    ),
    _bug(
        "relu-derivative",
        "The derivative of ReLU is taken to be 1 where h >= 0, which is everywhere.",
        (RECURRENCE, "~(h <= 0)", "~(h < 0)"),
        notice="Nothing for a tanh network. A ReLU network's gradients are far too large.",
        hint="After a ReLU, which h are at least 0?",
        why="A silent unit has h = 0 and passes no gradient on; here it does.",
    ),
    _bug(
        "one-bias-learns",
        "The two biases do the same, so only one of them is given a gradient.",
        (
            RECURRENCE,
            "Weights(d_W_ih, d_W_hh, d_b, d_b.copy())",
            "Weights(d_W_ih, d_W_hh, d_b, 0 * d_b)",
        ),
        notice="The curve is nearly the same; the first gradient norm is a little too small.",
        hint="Their sum is what counts. By how much does it move in one update?",
        why="Both biases have the gradient Σ_t δz_t. Dropped, it also counts once instead of twice "
        "in the norm that clipping goes by.",
    ),
    _bug(
        "bias-gradient-averaged",
        "The bias gradient is the mean over rows and steps where the sum belongs.",
        (RECURRENCE, "d_b = np.ones(T * B, d_z.dtype) @ d_z_rows", "d_b = d_z_rows.mean(axis=0)"),
        notice="It ends a little better than the right one. A curve proves nothing; the gradient "
        "norm is too small.",
        hint="The loss has already been averaged. Was it once too often?",
        why="δb = Σ_t δz_t; here it is T·B times smaller.",
    ),
    _bug(
        "input-gradient-skips-tanh",
        "The gradient of the input is taken before the nonlinearity's derivative.",
        (RECURRENCE, "(d_z_rows @ W_ih)", "(d_h.reshape(T * B, H) @ W_ih)"),
        notice="One layer on one-hot tokens trains perfectly: nobody asks for this gradient.",
        hint="Who needs the gradient of x? Stack a second layer.",
        why="δx_t = W_ih^T δz_t, not δ_t. It is compared for dense inputs, where it exists.",
    ),
    _bug(
        "initial-state-gradient-missing",
        "The gradient of the initial state comes back as zero.",
        (
            RECURRENCE,
            "return d_x, d_h_t.copy(), Weights(d_W_ih, d_W_hh, d_b,",
            "return d_x, 0 * d_h_t, Weights(d_W_ih, d_W_hh, d_b,",
        ),
        notice="Training never uses it: the state is a number there, not a function.",
        hint="An encoder hands its last state to a decoder. What does the encoder learn?",
        why="δh_0 = W_hh^T δz_1 is compared like every other gradient.",
    ),
    _bug(
        "final-state-gradient-ignored",
        "A gradient that arrives at the final state is not used.",
        (RECURRENCE, "d_h_t = d_h_n.copy()", "d_h_t = np.zeros_like(d_h_n)"),
        notice="A language model trains perfectly: its loss does not read h_n.",
        hint="What if the loss is a function of the last state?",
        why="The judge sends random gradients into output and into h_n; without the second, the "
        "last step lacks its share.",
    ),
    _bug(
        "upstream-overwritten",
        "backward adds up its sums in the caller's own array.",
        (RECURRENCE, "d_h_t = d_h_n.copy()", "d_h_t = d_h_n"),
        notice="Nothing, until somebody uses that array again.",
        hint="Print the gradient that you hand in, before and after.",
        why="What is handed in is compared with a copy made before the call.",
        caught_by="arguments unchanged",
    ),
    _bug(
        "gradients-accumulate",
        "Gradients are added to those of the call before, which nobody has cleared.",
        (
            LAYER,
            "d_parameters: dict[str, FloatArray] = {}",
            "d_parameters = self.__dict__.setdefault('gradients', {})",
        ),
        (
            LAYER,
            "d_parameters[self._name(letter, i)] = d\n",
            "name = self._name(letter, i)\n"
            "                    before = d_parameters.get(name, 0)\n"
            "                    d_parameters[name] = d if d is None else d + before\n",
        ),
        notice="It learns for a few epochs, then gets worse and worse, though the first update is "
        "right.",
        hint="This is zero_grad() forgotten. Call backward twice.",
        why="The first call is right. The second, on the same tape, gives the double.",
        caught_by="second backward",
    ),
    _bug(
        "repeated-tokens-lost",
        "The look-up's gradient is added with +=, in which NumPy counts a repeated index once.",
        (
            LOOKUP,
            "d_M_T[:, occurring] = (one_hot_T @ d_rows).T",
            "d_M_T[:, ids] += d_rows.T",
        ),
        notice="W_ih learns slowly: of all places where a letter stands, one teaches it.",
        hint="a = np.zeros(1); a[[0, 0]] += 1. What is a?",
        why="Token numbers must give what their one-hot rows give, and the cases repeat tokens.",
        caught_by="one hot as dense",
    ),
)

SURFACE = (
    _bug(
        "reverse-gradient-dropped",
        "A bidirectional layer hands back its forward direction's gradient alone.",
        (LAYER, "d_x_i if d_x is None else d_x + d_x_i", "d_x_i if d_x is None else d_x"),
        notice="The layer itself trains; the layer below it hears of one direction only.",
        hint="Both directions read the same x.",
        why="δx is the sum over both directions, at every step.",
    ),
    _bug(
        "reverse-left-reversed",
        "The reverse direction's states are not turned round again before they are handed on.",
        (
            LAYER,
            "outputs.append(padding.reverse(h, padded) if is_reverse else h)",
            "outputs.append(h)",
        ),
        notice="Each step is paired with the wrong state of the reverse direction.",
        hint="Which step's state stands at output[0], in either direction?",
        why="output[t] must hold both directions' states of the same step t.",
    ),
    _bug(
        "lower-layer-untaught",
        "Each layer is given the loss's own gradient, as if it were the top one.",
        (
            LAYER,
            "d_y = d_x if tape.dropout_masks is None else",
            "d_y = d_y if tape.dropout_masks is None else",
        ),
        notice="One layer is right. Two layers train, but the lower one is taught nonsense.",
        hint="What is between the loss and the lower layer?",
        why="The gradient of the lower layer's output is δx of the layer above it.",
    ),
    _bug(
        "mask-forgotten-backward",
        "Dropout masks what goes forward, but not the gradient that comes back.",
        (LAYER, "else d_x * tape.dropout_masks[layer - 1]", "else d_x"),
        notice="A little more noise in training; nothing in evaluation.",
        hint="A dropped unit had no influence on the loss.",
        why="With the same masks on both sides the gradients can be compared, and differ.",
        caught_by="dropout masks",
    ),
    _bug(
        "dropout-unscaled",
        "What dropout keeps is not scaled up by 1 / (1 - p).",
        (LAYER, "scale = 1 / kept if kept > 0 else 0.0", "scale = 1.0"),
        notice="Trained with dropout, the model is worse in evaluation than in training.",
        hint="With p = 1/4, what does the next layer receive on average?",
        why="The masks that are drawn must hold 0 and 1 / (1 - p).",
        caught_by="dropout masks",
    ),
    _bug(
        "last-state-of-the-padding",
        "With sequences of different lengths, h_n is the state after the padding.",
        (
            PADDING,
            "h[-1] if lengths is None else h[lengths, np.arange(len(lengths))]",
            "h[-1]",
        ),
        notice="Only the longest sequence is classified well.",
        hint="Where does each sequence end?",
        why="h_n must be each sequence's own last state, as it is for a packed sequence.",
        caught_by="padded as packed",
    ),
    _bug(
        "reverse-from-the-padding",
        "The reverse direction begins in the padding, not at each sequence's own end.",
        (PADDING, "np.where(t < lengths, lengths - 1 - t, t)", "np.where(t < T, T - 1 - t, t)"),
        notice="Short sequences in a batch with long ones are read worse than alone.",
        hint="What does the reverse direction read first?",
        why="A packed sequence knows no padding; here the state is driven by it first.",
        caught_by="padded as packed",
    ),
    _bug(
        "gradient-in-the-padding",
        "Gradients that arrive at padded steps are not thrown away.",
        (LAYER, "d_h = padding.without_padding(d_h, lengths)", "d_h = d_h.copy()"),
        notice="Results change with the amount of padding.",
        hint="Whom should a gradient at a step that does not exist teach?",
        why="The judge sends random gradients everywhere, the padding included.",
        caught_by="padded as packed",
    ),
    _bug(
        "memory-order-assumed",
        "The upstream gradient is read as it lies in memory, taken to be row after row.",
        (
            LAYER,
            'd_output = layout.ours(check_array("d_output", d_output, shape, self.dtype))',
            'd_output = check_array("d_output", d_output, shape, self.dtype)\n'
            '            d_output = layout.ours(d_output.ravel(order="K").reshape(shape))',
        ),
        notice="Right in every test that makes its arrays with np.random.",
        hint="Hand in a transposed view.",
        why="The same numbers in Fortran order must give the same gradients.",
        caught_by="any memory layout",
    ),
    _bug(
        "state-broadcast",
        "A state of another shape is stretched until it fits.",
        (
            LAYER,
            "check_array(name, array, shape, self.dtype)",
            "np.broadcast_to(array, shape)",
        ),
        notice="A state without its layer axis works, and means something else.",
        hint="NumPy helps you to be wrong. Try h0 of shape (B, H).",
        why="nn.RNN refuses such a state; whoever hands it in has made a mistake.",
        caught_by="refusals",
    ),
    _bug(
        "negative-tokens-wrap",
        "Token numbers are only checked from above.",
        (CHECKS, "ids.min() >= 0 and ids.max() < V", "ids.max() < V"),
        notice="-1 is taken for a letter. Nobody complains.",
        hint="What does a list do with the index -1?",
        why="The token -1 must be refused, as one-hot encoding does in PyTorch.",
        caught_by="refusals",
    ),
    _bug(
        "empty-batch-refused",
        "The smallest token is asked for, even where there is none.",
        (CHECKS, "if ids.size and not (", "if not ("),
        notice="Fine for weeks; then the last, empty batch of a data set ends the run.",
        hint="What is the minimum of nothing?",
        why="nn.RNN takes a batch of no rows and gives empty results.",
        caught_by="empty batch",
    ),
    _bug(
        "initial-weights-too-large",
        "Weights begin uniform in ±1, without the 1/√H.",
        (LAYER, "bound = 1 / np.sqrt(H)", "bound = 1.0"),
        notice="The first gradient is a hundred times too long, and every unit sits at ±1.",
        hint="How large is a sum of H products?",
        why="The largest initial weight is 1 and not 1/√H.",
        caught_by="initial parameters",
    ),
    _bug(
        "global-random-weights",
        "Weights are drawn from NumPy's global generator, not from the one that was given.",
        (LAYER, "rng.uniform(-bound, bound, shape)", "np.random.uniform(-bound, bound, shape)"),
        notice="Another loss before the first update, though the seed is the same; and another one "
        "next time.",
        hint="Which generator was asked?",
        why="The same generator twice must give the same weights to the last bit.",
        caught_by="initial parameters",
    ),
)

LEARNING = (
    _bug(
        "batch-and-time-swapped",
        "The model reads its (B, T) batch as (T, B) by reshaping where it should transpose.",
        (MODEL, "inputs.T.copy()", "inputs.reshape(T, B).copy()"),
        notice="It learns how frequent each letter is, and nothing of their order.",
        hint="reshape keeps the order in memory. Which letter follows which now?",
        why="Logits at step 1 belong to other letters than PyTorch's.",
        caught_by="step as torch",
    ),
    _bug(
        "targets-not-transposed",
        "Targets are flattened row by row, logits step by step.",
        (TRAIN, "batch.targets[rows].T.reshape(-1)", "batch.targets[rows].reshape(-1)"),
        notice="It learns how frequent each letter is, and nothing of their order.",
        hint="Row n of the logits: which step, which row of the batch? And of the targets?",
        why="The first loss is already another one than PyTorch's.",
        caught_by="updates as torch",
    ),
    _bug(
        "sum-for-mean",
        "The gradient is that of the summed loss, not of the mean.",
        (LOSS, "p /= s * N", "p /= s"),
        (LOSS, "p[targets, n] -= 1 / N", "p[targets, n] -= 1"),
        notice="It learns even faster. But look at the gradient norm: clipping alone keeps the "
        "steps short.",
        hint="Look at the gradient norm before clipping. How large is T·B?",
        why="The gradient of the logits is N times too large.",
        caught_by="cross entropy",
    ),
    _bug(
        "mean-over-rows-only",
        "The loss is divided by the rows of the batch, and not by its steps.",
        (
            TRAIN,
            "model.backward(tape, share * d_logits)",
            "model.backward(tape, share * batch.inputs.shape[1] * d_logits)",
        ),
        notice="It learns even faster, as with a larger learning rate. What is the ratio of the "
        "gradient norms?",
        hint="Double T. Should the gradient double?",
        why="The gradient norm of the first update is T times PyTorch's.",
        caught_by="updates as torch",
    ),
    _bug(
        "softmax-without-shift",
        "Softmax takes exp of the logits as they are.",
        (LOSS, "y -= y.max(axis=0)", "y -= 0"),
        notice="Nearly the same curve, while logits are small. One day the loss is NaN.",
        hint="What is exp(1000)?",
        why="Logits of ten thousand overflow; shifted by their maximum they don't.",
        caught_by="cross entropy",
    ),
    _bug(
        "hidden-weights-copied",
        "The model's dictionary of parameters holds copies of the layer's.",
        (
            MODEL,
            '{f"rnn.{name}": array for name, array in rnn.parameters.items()}',
            '{f"rnn.{name}": array.copy() for name, array in rnn.parameters.items()}',
        ),
        notice="It learns much less, and begins with exactly the right loss and gradient.",
        hint="Compare the recurrent weights before training and after it.",
        why="What is written to the model's parameters never reaches the layer.",
        caught_by="step as torch",
    ),
    _bug(
        "clip-per-element",
        "Each entry of a gradient is cut off at ±max_norm.",
        (
            OPTIM,
            "gradient *= scale.astype(gradient.dtype)",
            "np.clip(gradient, -max_norm, max_norm, out=gradient)",
        ),
        notice="The curve is nearly the same, and so is the first gradient norm, which is below "
        "the limit.",
        hint="Which way does the gradient point after clipping?",
        why="Clipping must shorten the one long vector of all gradients and keep its direction.",
        caught_by="clipping",
    ),
    _bug(
        "clip-per-tensor",
        "Each tensor is clipped by its own norm.",
        (
            OPTIM,
            "gradient *= scale.astype(gradient.dtype)",
            "own = max_norm / (np.linalg.norm(gradient) + 1e-6)\n"
            "            gradient *= np.minimum(own, 1).astype(gradient.dtype)",
        ),
        notice="The curve is nearly the same, and so is the first gradient norm, which is below "
        "the limit.",
        hint="Two tensors with norms 3 and 4. What are they after clipping to 1?",
        why="All gradients share one factor, taken from their common norm.",
        caught_by="clipping",
    ),
    _bug(
        "clip-also-up",
        "Gradients are always scaled to max_norm, short ones too.",
        (
            OPTIM,
            "np.minimum(max_norm / (total_norm + 1e-6), 1)",
            "np.asarray(max_norm / (total_norm + 1e-6))",
        ),
        notice="It learns faster, as if by another learning rate: no step is ever short, not even "
        "at the end.",
        hint="How long is the gradient at a minimum?",
        why="A gradient shorter than the limit must stay as it is.",
        caught_by="clipping",
    ),
    _bug(
        "clip-without-epsilon",
        "The 1e-6 in torch's clipping rule is left out.",
        (OPTIM, "max_norm / (total_norm + 1e-6)", "max_norm / total_norm"),
        notice="The curve is the same; trajectories part by one in a million per step.",
        hint="Is it PyTorch's function, or one very like it?",
        why="In float64 a relative difference of 1e-6 is ten orders above rounding.",
        caught_by="clipping",
    ),
    _bug(
        "update-of-a-copy",
        "The update makes a new array, and the parameter keeps the old one.",
        (
            OPTIM,
            "parameter -= self.lr * gradients[name]",
            "parameter = parameter - self.lr * gradients[name]",
        ),
        notice="The loss does not move at all.",
        hint="a -= b and a = a - b: which of them changes the array?",
        why="After a step the parameter must have moved by -lr times its gradient.",
        caught_by="update",
    ),
    _bug(
        "uphill",
        "The update goes with the gradient instead of against it.",
        (OPTIM, "parameter -= self.lr", "parameter += self.lr"),
        notice="The loss rises from the first update on, until it is no number.",
        hint="Which way is down?",
        why="After a step the parameter must have moved by -lr times its gradient.",
        caught_by="update",
    ),
    _bug(
        "truthy-device",
        "The state is reset at every batch, though it was to be carried: an argument went to the "
        "wrong place.",
        (TRAIN, "state = result.state if carry_state else None", "state = None"),
        notice="It learns a little less, from the second batch on, and nobody knows that it could "
        "be better. This is how the lecture came to its 5.0.",
        hint="train(..., device): the sixth argument was use_random_iter, and a device is true.",
        why="From the second batch of an epoch on, the loss is another one than PyTorch's.",
        caught_by="epochs as torch",
    ),
    _bug(
        "state-not-reset",
        "The state is carried over the end of an epoch, into text that doesn't follow.",
        (
            TRAIN,
            "    state = None\n    total_loss",
            "    state = getattr(model, 'state', None)\n    total_loss",
        ),
        (
            TRAIN,
            "state = result.state if carry_state else None",
            "state = model.state = result.state if carry_state else None",
        ),
        notice="Hardly anything: one batch in each epoch but the first begins in a strange state.",
        hint="The last row of the text ends. What comes next, and does it know?",
        why="Epoch 1 agrees to the last bit with PyTorch; epoch 2 begins elsewhere.",
        caught_by="epochs as torch",
    ),
    _bug(
        "carry-not-detached",
        "The gradient flows through the carried state into the batch before.",
        (
            TRAIN,
            "return share * loss, model.backward(tape, share * d_logits), final_state",
            "gradients, d_state = model.backward_to_state(tape, share * d_logits)\n"
            "        before = model.__dict__.get('tape_before')\n"
            "        if before is not None and state.any():\n"
            "            more = model.backward(before, 0 * d_logits, d_state)\n"
            "            gradients = {name: g + more[name] for name, g in gradients.items()}\n"
            "        model.tape_before = tape\n"
            "        return share * loss, gradients, final_state",
        ),
        notice="Hardly anything, but that each update takes longer. The first one is right.",
        hint="In PyTorch this is state.detach() forgotten, and an error at the second batch.",
        why="Update 1 agrees. At update 2 the gradient norm has a share from the batch before, "
        "computed at weights that are no longer there.",
        caught_by="updates as torch",
    ),
    _bug(
        "parts-weigh-the-same",
        "When threads share a batch, each part's mean counts alike, however many rows it has.",
        (TRAIN, "share = len(batch.inputs[rows]) / B", "share = 1 / threads.get_num_threads()"),
        notice="With one thread nothing. With two, nothing either, if the batch is even.",
        hint="Five rows for two threads: how much is a row worth in each part?",
        why="The batches of this law have five rows, for two threads and for three.",
        caught_by="threads",
    ),
    _bug(
        "perplexity-in-bits",
        "Perplexity is 2 to the loss, but the loss is in nats.",
        (LOSS, "return math.exp(mean_loss)", "return 2.0**mean_loss"),
        notice="Much better numbers than anybody else's.",
        hint="An untrained model must waver between all 28 tokens.",
        why="exp and log must have the same base: a loss of log 28 is a perplexity of 28.",
        caught_by="perplexity",
    ),
    _bug(
        "no-warm-up",
        "Generation begins after the prefix's last token, without having read the others.",
        (
            PREDICT,
            "model(np.array([ids]), state)  # warm-up",
            "model(np.array([ids[-1:]]), state)  # warm-up",
        ),
        notice="The same curve. What it writes goes on as if the prefix were one letter.",
        hint='Try two prefixes that both end in "r".',
        why="PyTorch's model with the same weights, after the same prefix, writes another text.",
        caught_by="prediction as torch",
    ),
)

TEXT = (
    _bug(
        "last-target-wraps",
        "The last target of each row is the row's own first input, not the next token.",
        (BATCHES, "targets=ids[places + 1]", "targets=np.roll(ids[places], -1, axis=1)"),
        notice="It learns a little less: one target in T is noise.",
        hint="What comes after the last input of a batch?",
        why="The corpus 0, 1, 2, … shows every wrong neighbour: the target must be the input "
        "plus one.",
        caught_by="batches",
    ),
    _bug(
        "rows-of-strangers",
        "Batches are cut one after the other, so that no row goes on in the next batch.",
        (
            BATCHES,
            "starts = offset + width * np.arange(batch_size)",
            "starts = offset + num_steps * np.arange(batch_size)",
        ),
        (
            BATCHES,
            "for column in range(0, width - num_steps + 1, num_steps)",
            "for column in range(0, width // num_steps * num_steps * batch_size, "
            "num_steps * batch_size)",
        ),
        notice="It learns a little less: carrying the state brings nothing.",
        hint="Read row 0 of batch 1, then row 0 of batch 2. Is it one text?",
        why="Row b of a batch must begin with the token after row b of the batch before.",
        caught_by="batches",
    ),
    _bug(
        "global-random-batches",
        "The cuts come from NumPy's global generator, whatever the seed.",
        (
            BATCHES,
            'np.random.default_rng([self.seed, whole_number("k", k, least=0)])',
            "np.random.default_rng(np.random.randint(2**31))",
        ),
        notice="No run can be repeated, and two models never see the same batches.",
        hint="Ask for epoch 1 twice.",
        why="An epoch must be a pure function of seed and number.",
        caught_by="batches",
    ),
    _bug(
        "same-cuts-every-epoch",
        "The number of the epoch is left out of the seed.",
        (
            BATCHES,
            'np.random.default_rng([self.seed, whole_number("k", k, least=0)])',
            "np.random.default_rng([self.seed])",
        ),
        notice="It is ahead for a while: the model sees the very same batches in each epoch.",
        hint="Compare the first batch of two epochs.",
        why="Six epochs in a row must not all begin at the same token.",
        caught_by="batches",
    ),
    _bug(
        "one-cut-never-made",
        "The number of dropped tokens is drawn without its upper end.",
        (BATCHES, "endpoint=True", "endpoint=False"),
        notice="Nothing anybody could see in a curve.",
        hint="integers(0, n) never gives n.",
        why="In 150 epochs each offset from 0 to T must occur.",
        caught_by="batches",
    ),
    _bug(
        "unknown-is-the-last",
        "A token that is not in the vocabulary gets the number -1.",
        (VOCAB, "self.token_to_idx.get(tokens, 0)", "self.token_to_idx.get(tokens, -1)"),
        notice="Unknown letters silently become q's, the rarest letter.",
        hint="idx_to_token[-1]: which token is that?",
        why="<unk> has the number 0, and so has every token that is unknown.",
        caught_by="vocabulary",
    ),
)

COMPARISON = (
    _bug(
        "printed-not-asserted",
        "The difference is computed and shown, and then nobody looks at it.",
        (ROWS, "ok = difference <= allowed[name]  # False for NaN", "ok = True"),
        notice="Every row agrees, whatever the numbers beside it say.",
        hint="Spoil one weight on purpose. Does the table say so?",
        why="A model with one weight moved by a thousandth must be found unequal.",
        caught_by="differences are refused",
    ),
    _bug(
        "tolerance-by-inspection",
        "The safety factor was raised until the test passed.",
        (TOLERANCE, "SAFETY = 8.0", "SAFETY = 1e6"),
        notice="Every row agrees, with hardly any of the allowance used.",
        hint="What does a tolerance allow that rounding doesn't?",
        why="A model with one weight moved by a thousandth must be found unequal.",
        caught_by="differences are refused",
    ),
    _bug(
        "last-bit-demanded",
        "Equality to the last bit is demanded: no rounding is allowed.",
        (TOLERANCE, "SAFETY = 8.0", "SAFETY = 0.0"),
        notice="Two models with the same weights differ, and whoever gave them to you is blamed.",
        hint="(a + b) + c and a + (b + c): are they the same float?",
        why="PyTorch adds in another order than NumPy, so that equal models differ by roundings.",
        caught_by="equals pass",
    ),
    _bug(
        "nan-passes",
        "A difference is refused if it is larger than allowed, and NaN is not larger.",
        (ROWS, "ok = difference <= allowed[name]", "ok = not difference > allowed[name]"),
        notice="A model full of NaN agrees with everything.",
        hint="What is nan > 1? And nan <= 1?",
        why="Comparisons with NaN are false, so the question has to be asked the other way round.",
        caught_by="nan is refused",
    ),
    _bug(
        "shapes-broadcast",
        "Shapes aren't compared: what can be broadcast is subtracted.",
        (ROWS, "if (a.shape, a.dtype) != (b.shape, b.dtype):", "if a.dtype != b.dtype:"),
        notice="A (3, 1) tensor agrees with a (1, 3) one, if their numbers are alike.",
        hint="np.zeros((3, 1)) - np.zeros((1, 3)): what is its shape?",
        why="Two tensors of different shapes are not the same tensor.",
        caught_by="shapes and names are refused",
    ),
    _bug(
        "weights-shared",
        "The weights are handed over, not copied: both models train the same arrays.",
        (
            WEIGHTS,
            "arrays = {name: array.copy() for name, array in",
            "arrays = {name: array for name, array in",
        ),
        (WEIGHTS, "parameter[...] = arrays[name]", "target.parameters[name] = arrays[name]"),
        notice="Both models agree perfectly, for ever: they are one.",
        hint="Change a weight of one model. Did the other notice?",
        why="After copying, the source is overwritten, and the target must not change.",
        caught_by="copies are copies",
    ),
)

GROUPS = {
    "The forward pass": FORWARD,
    "The backward pass": BACKWARD,
    "Layers, directions, lengths, layouts": SURFACE,
    "The model and its training": LEARNING,
    "The text": TEXT,
    "The comparison itself": COMPARISON,
}

BUGS = tuple(bug for group in GROUPS.values() for bug in group)
"""All of them, in the order in which data meets them."""

BUG_NAMES = frozenset(bug.name for bug in BUGS)

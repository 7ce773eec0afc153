"""Several processes train as one does, and what stops one of them stops all."""

import numpy as np
import pytest
import torch
from torch import distributed

from compare import parity
from compare.cli import main
from compare.parity.build import build_models
from compare.parity.rows import compare_results
from compare.parity.settings import StepSettings
from compare.parity.step import run_concise_step, run_parallel_step, run_scratch_step
from compare.parity.tolerance import tolerances
from compare.parity.training import Trainee
from compare.runs.checkpoint import load
from compare.runs.data_parallel import choose_gpu
from compare.runs.reading import read_metrics
from concise_rnn import StepResult, data_parallel
from scratch_rnn.arrays import each
from scratch_rnn.text import Batch, load_time_machine
from tests.compare.runs import two_processes
from tests.compare.runs.runs import EPOCHS, FLAGS, contents, only
from tests.compare.runs.two_processes import MAX_NORM, RIGHT_RECALLS, SETTINGS, STOPPED, WHOLE
from tests.properties import demand
from tests.scripts import started


def against_one(cell, batch_size, results):
    """Compare the step of two processes with that of one, which has all rows."""
    scratch, _, batch, state = two_processes.step_of(cell, batch_size)
    expected, allowed = tolerances(
        lambda move: run_scratch_step(scratch, batch, state, SETTINGS, move)
    )
    return compare_results(expected, results, allowed)


def trained_by_one(text, move):
    """Return what the training of FLAGS with a carried state comes to: losses and weights."""
    batches, vocab = load_time_machine(4, 8, text=text)
    model, _ = build_models(len(vocab), 4)
    measured = []
    for epoch in range(EPOCHS):
        state = model.begin_state(4)
        for batch in batches.epoch(epoch):
            results = run_scratch_step(model, batch, state, StepSettings(lr=0.5), move)
            state = results["final state"]
            measured.append([results["loss"], results["gradient norm"]])
            for name, parameter in model.parameters.items():
                parameter[...] = results[f"updated {name}"]
    return {"loss and gradient norm": np.array(measured), **model.parameters}


@pytest.mark.skipif(
    not (distributed.is_available() and distributed.is_gloo_available()),
    reason="needs a PyTorch with torch.distributed and gloo",
)
@pytest.mark.usefixtures("without_curves", "without_checks")
def test_two_processes_train_as_one_does(fox, tmp_path, monkeypatch, capsys):
    flags = f"train --model concise {FLAGS} --state carried --checkpoint-seconds 1e5 --text {fox}"
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    other = started("-m", two_processes.__name__, tmp_path, *flags.split())
    monkeypatch.setenv("RANK", "0")
    try:
        with two_processes.joined(0, tmp_path):
            steps = two_processes.work(tmp_path, flags.split())
    except BaseException:
        other.kill()  # it would wait for this one
        raise
    finally:
        said = other.communicate(timeout=800)
    assert (other.returncode, *said) == (0, "", "")  # process 0 says it all
    shown = capsys.readouterr().out
    assert "2 processes of 2 rows, compared with one\n" in shown
    assert "Stopped and saved after update 5 of 12" in shown
    assert "To resume:  torchrun --nproc-per-node 2 -m compare train --model concise" in shown

    assert steps[RIGHT_RECALLS] == 1 + 4
    for cell in ("rnn", "gru", "lstm"):
        demand(against_one(cell, 6, steps[cell]), "two processes take the step of one", cell)

    def failures(way, batch_size):
        return [row.name for row in against_one("rnn", batch_size, steps[way]).failures]

    dropped = failures("the last rows are dropped", 7)
    assert dropped[:4] == ["hidden states", "final state", "logits", "loss"]
    assert failures("the shards are unequal", 7)[0] == "loss"
    assert failures("clipped before the mean", 6)[0] == "gradient of rnn.weight_ih_l0"

    whole, stopped = only(tmp_path / WHOLE), only(tmp_path / STOPPED)
    assert contents(stopped) == contents(whole)
    expected, allowed = tolerances(lambda move: trained_by_one(fox, move))
    measured = [(u.concise_loss, u.concise_grad_norm) for u in read_metrics(whole)]
    results = {"loss and gradient norm": np.array(measured, np.float32)}
    results |= load(whole / "concise.safetensors").weights
    report = compare_results(expected, results, allowed)
    demand(report, "two processes learn what one does", FLAGS)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_step_gives_the_results_of_all_rows(cell, monkeypatch):
    """This process plays process 0 and then process 1, which gets what both have sent."""
    scratch, concise, batch, state = two_processes.step_of(cell, 6)
    sent = []  # by each process
    wrapped = []

    def exchange(join):
        def exchanged(tensor):
            sent[-1].append(tensor)
            return join([by_process[len(sent[-1]) - 1] for by_process in sent])

        return exchanged

    def wrap(model):
        wrapped.append(model.state_dict())
        return model

    monkeypatch.setattr(data_parallel, "gather_rows", exchange(lambda sent: torch.cat(sent, dim=1)))
    monkeypatch.setattr(data_parallel, "mean", exchange(lambda sent: sum(sent) / len(sent)))
    monkeypatch.setattr(data_parallel, "DataParallelRNNModel", wrap)
    for rows in (slice(0, 3), slice(3, 6)):
        sent.append([])
        monkeypatch.setattr(data_parallel, "rows_of_process", {6: rows}.__getitem__)
        results = run_parallel_step(concise, batch, state, SETTINGS)
    assert [set(parameters) for parameters in wrapped] == [set(scratch.parameters)] * 2

    shard = Batch(batch.inputs[3:], batch.targets[3:])
    of_shard = run_concise_step(concise, shard, each(lambda a: a[:, 3:], state), SETTINGS)
    assert list(results) == list(of_shard)
    expected, allowed = tolerances(
        lambda move: run_scratch_step(scratch, batch, state, SETTINGS, move)
    )
    joined = [name for name in expected if name.endswith("state")]
    joined += ["hidden states", "logits", "loss", "gradient of logits"]
    report = compare_results(
        {name: expected[name] for name in joined}, {name: results[name] for name in joined}, allowed
    )
    demand(report, "results of all rows", cell)
    for name in of_shard.keys() - set(joined):  # it is DistributedDataParallel that joins these
        np.testing.assert_array_equal(results[name], of_shard[name], err_msg=name)


def test_a_trainee_trains_with_the_other_processes(monkeypatch):
    _, concise, batch, _ = two_processes.step_of("rnn", 6)
    steps = []

    def step(*given, max_norm, **functions):
        steps.append((*given[:3], max_norm))
        return StepResult(2.0, 3.0, torch.zeros(1, 6, 6))

    monkeypatch.setattr(data_parallel, "DataParallelRNNModel", lambda model: ("wrapped", model))
    monkeypatch.setattr(data_parallel, "train_step", step)
    trainee = Trainee(concise, SETTINGS, parallel=True)
    assert trainee.parallel
    assert trainee.step(batch) == {"concise_loss": 2.0, "concise_grad_norm": 3.0}
    assert steps == [(("wrapped", concise), batch, None, MAX_NORM)]


def test_every_row_is_read_by_one_process(monkeypatch):
    monkeypatch.setattr(distributed, "get_world_size", lambda: 3)
    read = []
    for rank in range(3):
        monkeypatch.setattr(distributed, "get_rank", lambda rank=rank: rank)
        read += range(12)[data_parallel.rows_of_process(12)]
    assert read == list(range(12))
    with pytest.raises(ValueError, match="expected a number of rows divisible by 3, got 13"):
        data_parallel.rows_of_process(13)


ONE_COMMAND = "expected train --model concise with 2 processes, got"
REFUSALS = {  # what the first one reports
    "run": f"{ONE_COMMAND} run",
    "bench": f"{ONE_COMMAND} bench",
    "train --model scratch": f"{ONE_COMMAND} train --model scratch",
    "train --model concise --batch-size 33": (
        "expected a --batch-size divisible by the 2 processes, got 33"
    ),
}


@pytest.mark.parametrize("arguments", REFUSALS)
def test_the_first_of_several_processes_reports_a_refusal(arguments, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, message in (("0", f"rnn-parity: {REFUSALS[arguments]}\n"), ("1", "")):
        monkeypatch.setenv("RANK", rank)
        assert main(arguments.split()) == 2
        assert capsys.readouterr() == ("", message)


def test_a_rank_without_other_processes_hides_no_error(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "5")
    assert main(["run", "--batch-size", "0"]) == 2
    assert "expected --batch-size of at least 1, got 0" in capsys.readouterr().err
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(["run"]) == 2
    assert "expected a RANK from 0 below WORLD_SIZE, got '5' and '2'" in capsys.readouterr().err


@pytest.mark.parametrize("set_up", [{}, {"MASTER_ADDR": "localhost", "MASTER_PORT": "abc"}])
def test_processes_that_torchrun_did_not_start_are_refused(set_up, fox, monkeypatch, capsys):
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"RANK": "0", "WORLD_SIZE": "2"} | set_up).items():
        monkeypatch.setenv(name, value)
    assert main(["train", "--model", "concise", "--text", str(fox)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("rnn-parity: expected processes that torchrun started: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("gpus", [1, 2, 3])
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_each_process_has_a_gpu_of_its_own(gpus, rank, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    if rank < gpus:
        assert choose_gpu(rank=7) == rank
    else:
        with pytest.raises(parity.DeviceError, match=f"got {gpus} for {rank + 1}$"):
            choose_gpu(rank=0)
    monkeypatch.delenv("LOCAL_RANK")  # as without torchrun: all processes are on one machine
    assert rank >= gpus or choose_gpu(rank=rank) == rank


def test_a_rank_that_no_process_has_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "x")
    monkeypatch.setenv("RANK", "0")
    assert main(["run"]) == 2
    assert capsys.readouterr().err == (
        "rnn-parity: expected a RANK from 0 below WORLD_SIZE, got '0' and 'x'\n"
    )

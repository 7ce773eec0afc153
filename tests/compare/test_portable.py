"""What the command needs of the operating system: nothing that POSIX alone has."""

import re
import shutil
from pathlib import Path

from tests.compare.runs.runs import FLAGS, SMALL
from tests.scripts import ended

SCRIPT = Path(__file__).with_name("without_posix.py")


def test_the_commands_work_without_posix(fox, records, tmp_path):
    """A run, its continuation, its page, a text and a bug of the catalogue, one after the other."""
    run = shutil.copytree(records, tmp_path / "run")
    outputs = {
        f"train --model scratch --text {fox} {FLAGS}": "2 epochs, 12 updates",
        f"train --model scratch --resume {run} --epochs 3": "after update 12 of 18",
        f"explain --checkpoint {run} --text the": "explain.html",
        f"generate --run {run} --prefix the --num-preds 9": "^the.{9}$",
        f"bisect --bug no-carry-back --text {fox} {SMALL}": "^parity: 13 of 23 tensors differ",
        f"bench --plot {run / 'bench.json'}": "^H256: layer, T 5",
    }
    code, shown, errors = ended(SCRIPT, *outputs, cwd=tmp_path)
    assert code == 0, (shown, errors)
    for words in outputs.values():
        assert re.search(words, shown, re.MULTILINE), words

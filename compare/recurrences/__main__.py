"""The process in which an author's recurrence is read, called and checked.

It writes a record, or the reason why there is none, as JSON; what the author's code prints is
dropped.
"""

import json
import os
import sys

from compare.implementations import limit_process, read_target

OURS = ("NotRead", "CannotBeTried")  # exceptions whose message says all


def main(target: str, cell: str, seed: str, gibibytes: str, seconds: str) -> None:
    """Examine the recurrence that a target names."""
    limit_process(float(gibibytes), float(seconds))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the author's code prints; nobody reads it
    sys.dont_write_bytecode = True  # beside the author's files
    try:
        import numpy as np
        import torch

        from compare.recurrences.examine import examine_recurrence

        np.random.seed(int(seed))  # noqa: NPY002  of the author's own parameters
        torch.manual_seed(int(seed))
        answer = examine_recurrence(read_target(target), cell, int(seed)).to_json()
    except (Exception, SystemExit) as error:  # of the author's code, whatever it is
        kind = type(error).__name__
        answer = {"failed": f"{kind}: {error}" if kind not in OURS else str(error)}
    json.dump(answer, answers)
    answers.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

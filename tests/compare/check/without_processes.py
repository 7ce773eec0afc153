"""Check six functions where there are no processes and no PyTorch: each argument is a file.

The imports are those of cases and functions; a web page that runs Python in the browser has no
others. For each file it prints the verdict of each stage, and the likely mistake of a wrong one.
"""

import sys
from functools import partial

REFUSED = {"psutil", "torch", "multiprocessing", "triton", "pooch", "safetensors"}


class Refuser:
    """An importer that refuses modules."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"expected no import of {name}")


def main():
    """Check each file in this process."""
    assert not REFUSED & sys.modules.keys()
    sys.meta_path.insert(0, Refuser())
    from compare.check.subjects.diagnosis import likely_mistake
    from compare.check.subjects.stages import STAGES
    from compare.check.subjects.trying import reference, try_all
    from compare.implementations import Source, Submission, SubmissionFunctions
    from compare.implementations import guess_cell_of_functions as guess_cell
    from compare.implementations.worker.in_process import InProcess

    for file in sys.argv[1:]:
        load = partial(Submission, Source(file=file), reference, start=InProcess)
        cell = guess_cell(load().names)
        for result in try_all(load, STAGES[cell], 0):
            words = ""
            if result.wrong is not None:
                words = likely_mistake(result, SubmissionFunctions(load(), cell), 0)
            sys.stdout.write(f"{cell} {result.stage.name} {result.verdict} {words}\n")
    assert not REFUSED & sys.modules.keys()


if __name__ == "__main__":
    main()

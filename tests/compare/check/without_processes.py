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
    from compare.check.subjects.diagnosis import explain_results
    from compare.check.subjects.functions import FunctionsSubject, call_reference, choose_stages
    from compare.check.subjects.subject import try_items
    from compare.implementations import Source, Submission
    from compare.implementations.worker.in_process import InProcess

    for file in sys.argv[1:]:
        load = partial(Submission, Source(file=file), call_reference, start=InProcess)
        _, cell, stages = choose_stages(load().names, None)
        subject = FunctionsSubject(load, cell, (), stages, seed=0)
        results = try_items(subject)
        explain_results(subject, results)
        for result in results:
            sys.stdout.write(f"{cell} {result.name} {result.verdict} {result.likely}\n")
    assert not REFUSED & sys.modules.keys()


if __name__ == "__main__":
    main()

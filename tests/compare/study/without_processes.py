"""What the page to write in calls, where there are no processes and no PyTorch.

The first argument is a cell; each other one is a file, which is checked as the page does it. The
last file, which is right, is trained. All results are printed as lines of JSON.
"""

import os
import sys
from pathlib import Path

REFUSED = {"psutil", "torch", "multiprocessing", "triton", "pooch", "safetensors"}


def main():
    """Check each file in this process; train with the last one."""
    assert not REFUSED & sys.modules.keys()
    sys.modules.update(dict.fromkeys(REFUSED))  # so that each import of them fails
    from compare.study.writing import browser

    browser.EPOCHS, seconds = 2, browser.SECONDS
    folder, cell, *files = sys.argv[1:]
    os.chdir(folder)
    for file in files:
        source = Path(file).read_text(encoding="utf-8")
        browser.SECONDS = 1.0 if Path(file).stem == "endless" else seconds
        sys.stdout.write(browser.check(source, f'{{"cell": "{cell}"}}', told.append) + "\n")
    lines = [browser.train(source, cell, told.append), "[" + ", ".join(told) + "]"]
    sys.stdout.write("\n".join(lines))


told = []

if __name__ == "__main__":
    main()

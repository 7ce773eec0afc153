"""The scripts of the documents, as modules; and Python in processes of their own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "docs" / "scripts"

if str(SCRIPTS) not in sys.path:  # where they import each other from
    sys.path.append(str(SCRIPTS))


def load_script(name, **constants):
    """Return a script as a new module, with other values of some of its constants."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    vars(module).update(constants)
    return module


def started(*arguments, cwd=ROOT, **environment):
    """Start a Python that knows this project, and whose output can be read."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(*arguments, **options):
    """Return its exit code, output and errors at its end."""
    with started(*arguments, **options) as process:
        try:
            output, errors = process.communicate(timeout=800)
        except BaseException:
            process.kill()  # else leaving this block waits for its end
            raise
    return process.returncode, output, errors

"""The scripts of the documents, as modules."""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "docs" / "scripts"

if str(SCRIPTS) not in sys.path:  # where they import each other from
    sys.path.append(str(SCRIPTS))


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

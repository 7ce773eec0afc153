from .command import grade as grade
from .config import GradeConfig as GradeConfig
from .magic import load_ipython_extension as load_ipython_extension

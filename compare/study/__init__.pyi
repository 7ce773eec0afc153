from .bisection.command import bisect as bisect
from .bisection.command import find_difference as find_difference
from .config import BisectConfig as BisectConfig
from .config import ExplainConfig as ExplainConfig
from .config import WriteConfig as WriteConfig
from .page.explain import explain as explain
from .writing.serve import write as write

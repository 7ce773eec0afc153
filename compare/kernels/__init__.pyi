from .compilation import CAPABILITIES as CAPABILITIES
from .compilation import INTERPRETER as INTERPRETER
from .compilation import Launch as Launch
from .compilation import compile_launches as compile_launches
from .compilation import describe_kernels as describe_kernels
from .compilation import list_variants as list_variants

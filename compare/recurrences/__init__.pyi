from .process import examine_in_process as examine_in_process
from .record import Examined as Examined
from .record import Identity as Identity
from .record import Standing as Standing

"""The command `rnn-parity` on a system that has none of what only POSIX has.

NumPy, PyTorch, matplotlib and pooch are loaded before: they know by themselves which system they
are on. What our packages, filelock and rich import afterwards finds neither the modules nor the
names; nor setuptools, which need not be installed anywhere.
"""

import os
import signal
import sys

import matplotlib.figure
import numpy
import pooch
import psutil
import torch

MODULES = ("fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog", "setuptools")
IN_OS = (
    "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC fork forkpty geteuid getuid killpg mkfifo "
    "openpty process_cpu_count register_at_fork sched_getaffinity sched_setaffinity setsid"
)
IN_SIGNAL = "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGQUIT SIGUSR1 pthread_kill setitimer"

LOADED = (matplotlib.figure, numpy, pooch, psutil, torch)


def main():
    """Take POSIX away, and run the commands: each of the process's arguments is one whole line."""
    sys.modules.update(dict.fromkeys(MODULES))  # so that each import of them fails
    for module, names in ((os, IN_OS), (signal, IN_SIGNAL)):
        for name in names.split():
            if hasattr(module, name):
                delattr(module, name)
    from compare.cli import main as command

    return next((code for line in sys.argv[1:] if (code := command(line.split()))), 0)


if __name__ == "__main__":
    sys.exit(main())

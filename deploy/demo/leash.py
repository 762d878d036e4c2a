"""Starts a program that the kernel kills when the demo is gone, however the demo ended (prctl(2), PR_SET_PDEATHSIG).

In: the demo's process id, then the program and its arguments. The order survives `exec`. It is set by this little
program rather than between fork and exec (`preexec_fn`), which is unsafe beside threads. Standard library alone: it is
run with `-I -S`, so that it costs some milliseconds. Who calls: `hubs`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot tie a hub to the demo (prctl)")
    if os.getppid() != parent:
        sys.exit("the demo has ended already")  # before the order was given, so it would never come
    os.execv(program[0], program)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()

"""Runs a command only as long as somebody holds its standard input: whoever started it and ends, however that happens, ends it, too.

``python -m gazeshift.app.small.leash FOLDER COMMAND ...``: a byte on standard input ends the command; the end of standard input ends the
command and removes the folder. Both this process and the command lead sessions of their own, so that Ctrl-C in a terminal reaches neither.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading


def main(folder: str, command: list[str]) -> int:
    """Run the command; its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603

    let_go = threading.Event()

    def watch() -> None:
        if not os.read(0, 1):  # not through sys.stdin, whose lock would be held when the interpreter ends
            let_go.set()
        _end(child.pid)

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    _end(child.pid)  # what the command may have left running
    if let_go.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _end(group: int) -> None:
    """Kill the command with all its children: everything that they write is in a folder that is removed."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

"""Ends what the tests started, even when the test process itself is killed.

A child waits at the other end of a pipe. The kernel closes the pipe when the test process ends, however it ends;
then the child kills the registered process groups and removes the registered containers and directories.
"""

import atexit
import functools
import subprocess
import sys
from pathlib import Path

END_TIMEOUT = 300.0
"""Seconds; the data of many servers is a lot to remove for a busy disk."""

_CHILD = """
import os, shutil, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
groups, containers, directories = {}, {}, {}
for line in sys.stdin:
    verb, what = line.rstrip("\\n").split(" ", 1)
    if verb == "group": groups[int(what)] = None
    elif verb == "forget": groups.pop(int(what), None)
    elif verb == "container": containers[what] = None
    elif verb == "directory": directories[what] = None
for group in groups:
    try: os.killpg(group, signal.SIGKILL)
    except ProcessLookupError: pass
if groups: time.sleep(0.5)
for container in containers:
    subprocess.run([sys.executable, "-c", sys.argv[1], container])
for directory in directories: shutil.rmtree(directory, ignore_errors=True)
"""

# The child itself does without packages; what removes a container needs Docker's.
_REMOVE = """
import contextlib, sys, docker
with contextlib.suppress(docker.errors.NotFound):
    docker.from_env().containers.get(sys.argv[1]).remove(force=True, v=True)
"""


@functools.cache
def _pipe():
    child = subprocess.Popen(
        [sys.executable, "-S", "-E", "-c", _CHILD, _REMOVE],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    @atexit.register
    def end():
        child.stdin.close()
        child.wait(END_TIMEOUT)

    return child.stdin


def _say(verb, what):
    _pipe().write(f"{verb} {what}\n")
    _pipe().flush()


def register(process: subprocess.Popen) -> None:
    """Has the process group of a process that was started with ``start_new_session`` killed at the end."""
    _say("group", process.pid)


def register_pid(pid: int) -> None:
    """The same by number."""
    _say("group", pid)


def forget(pid: int) -> None:
    """The process has ended; its number may become somebody else's."""
    _say("forget", pid)


def register_container(identifier: str) -> None:
    """Has a container removed at the end, with its anonymous volumes."""
    _say("container", identifier)


def register_directory(directory: Path) -> None:
    """Has a directory removed at the end."""
    _say("directory", directory)

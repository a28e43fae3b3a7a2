"""Runs a command on a terminal of its own; what comes on our stdin is typed there, what it shows goes to stdout."""
import os, pty, select, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
keyboard = sys.stdin.fileno()
sources = [terminal, keyboard]
while True:
    ready, _, _ = select.select(sources, [], [])
    if keyboard in ready:
        typed = os.read(keyboard, 1024)
        if typed:
            os.write(terminal, typed)
        else:
            sources.remove(keyboard)
    if terminal in ready:
        try:
            shown = os.read(terminal, 4096)
        except OSError:
            shown = b''
        if not shown:
            break
        os.write(1, shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)

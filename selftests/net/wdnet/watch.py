# SPDX-License-Identifier: GPL-2.0-only
"""A command that goes on printing lines, and what it has printed so far."""
import threading


class Watch:
    """Lines of a command, read as they come."""

    def __init__(self, process):
        self.process, self.lines = process, []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()

# SPDX-License-Identifier: GPL-2.0-only
"""Results as TAP: one line a test, what is wrong as comments before it."""
import os
import re
import selectors
import signal
import sys
import time
import traceback

from . import kernel

RESULT = re.compile(r'^(ok|not ok) \d+ (.*)$')


class Fail(AssertionError):
    """A test did not hold; lines of text say what."""

    def __init__(self, *lines):
        super().__init__('\n'.join(map(str, lines)))
        self.lines = lines


def expect(want, got, what):
    if want != got:
        raise Fail(f'{what}: expected {want!r}, got {got!r}')


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0
        self.begun = time.monotonic()
        # So that `finally` cleans up when the runner's patience ends.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    @staticmethod
    def say(*lines):
        for text in lines:
            for line in str(text).splitlines():
                print('# ' + line, flush=True)

    def result(self, name, lines=None, skip=None):
        """@lines: None if it passed, else what is wrong."""
        self.count += 1
        if lines is not None:
            self.failed += 1
            self.say(*lines)
        print(('not ok' if lines is not None else 'ok')
              + f' {self.count} - {name}' + (f' # SKIP {skip}' if skip else ''),
              flush=True)

    def run(self, name, function, *args):
        """One test: a function that raises Fail, or anything else, if it does
        not hold."""
        try:
            function(*args)
        except Fail as e:
            self.result(name, e.lines)
        except Exception:  # a broken test is a failed one
            self.result(name, traceback.format_exc().splitlines()[-12:])
        else:
            self.result(name)

    def end(self):
        print(f'1..{self.count}')
        self.say(f'{self.count - self.failed} of {self.count} passed, '
                 f'{time.monotonic() - self.begun:.0f} s')
        sys.stdout.flush()
        return 1 if self.failed or not self.count else 0


class Workers:
    """Functions that take a Tap, each in a process of its own; their results
    come out as one list."""

    def __init__(self, functions):
        self.tap = Tap()
        self.sel = selectors.DefaultSelector()
        self.pids = [self._start(f) for f in functions]

    def _start(self, function):
        end, other = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                kernel.die_with_parent()
                os.dup2(other, 1)
                sys.stdout = os.fdopen(1, 'w', closefd=False)
                tap = Tap()
                function(tap)
                code = tap.end()
            except BaseException:
                Tap.say(traceback.format_exc())
            sys.stdout.flush()
            os._exit(code)
        os.close(other)
        self.sel.register(os.fdopen(end, 'r'), selectors.EVENT_READ, [])
        return pid

    def _line(self, line, since):
        """@since: comments of the test that is running."""
        hit = RESULT.match(line)
        if hit:
            self.tap.count += 1
            self.tap.failed += hit.group(1) != 'ok'
            print('\n'.join([*since, f'{hit.group(1)} {self.tap.count} '
                             + hit.group(2)]), flush=True)
            since.clear()
        elif not line.startswith('1..'):
            since.append(line)

    def run(self):
        """Wait for all. Gives the exit code."""
        while self.sel.get_map():
            for key, _ in self.sel.select():
                line = key.fileobj.readline()
                if line:
                    self._line(line.rstrip('\n'), key.data)
                    continue
                print('\n'.join(key.data), flush=True)
                self.sel.unregister(key.fileobj)
        bad = [pid for pid in self.pids if os.waitpid(pid, 0)[1]]
        if bad and not self.tap.failed:
            self.tap.result('every worker comes to its end', ['see above'])
        return self.tap.end()

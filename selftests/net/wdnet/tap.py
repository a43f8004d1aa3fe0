# SPDX-License-Identifier: GPL-2.0-only
"""Results as TAP: one line a test, what is wrong as comments before it."""
import sys
import time
import traceback


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

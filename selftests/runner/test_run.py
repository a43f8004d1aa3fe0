#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What selftests/run makes of programs that fail, once or always. A copy of it
runs in a folder of its own, over programs made here.

    test_run.py
"""
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                   'run')
STEADY = '#!/bin/sh\necho "ok 1 - holds"\n'
BROKEN = '#!/bin/sh\necho "# why"\necho "not ok 1 - holds"\nexit 1\n'
# Fails when it runs first, and remembers that beside itself.
ONCE = '''#!/bin/sh
if [ -e "$0.ran" ]; then echo "ok 1 - holds"; exit; fi
touch "$0.ran"; echo "# why"; echo "not ok 1 - holds"; exit 1
'''
HANGS = '#!/bin/sh\n[ -e "$0.ran" ] && exec echo "ok 1 - holds"\n' \
        'touch "$0.ran"; exec sleep 600\n'


class Outcome:
    """What one run of the copy printed, wrote and ended with."""

    def __init__(self, programs, *options, timeout=60, more=''):
        with tempfile.TemporaryDirectory() as top:
            tests = os.path.join(top, 'selftests')
            os.mkdir(tests)
            shutil.copy(RUN, tests)
            for i, text in enumerate(programs):
                path = os.path.join(tests, f'test_{i}')
                with open(path, 'w', encoding='utf-8') as f:
                    f.write(text)
                os.chmod(path, 0o755)
            with open(os.path.join(tests, 'suites'), 'w',
                      encoding='utf-8') as f:
                f.write(f'own, selftests/test_*, no, {timeout}, together\n'
                        + more)
            got = subprocess.run([os.path.join(tests, 'run'), '--build', top,
                                  *options], text=True, check=False,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT)
            self.results = None  # none was written
            with contextlib.suppress(FileNotFoundError), \
                    open(os.path.join(top, 'test.json'),
                         encoding='utf-8') as f:
                self.results = sorted(r['result'] for r in json.load(f))
        self.status, self.text = got.returncode, got.stdout
        self.last = got.stdout.strip().split('\n')[-1]

    def is_like(self, status, last, results):
        good = (self.status, self.last, self.results) == (
            status, last, results and sorted(results))
        if not good:
            for line in self.text.split('\n'):
                print('# ' + line)
        return good


def what_fails_once_counts_as_failed_by_default():
    return Outcome([STEADY, ONCE]).is_like(
        1, '1 passed, 1 failed, 0 skipped', ['pass', 'fail'])


def what_passes_by_itself_counts_as_passed_and_is_told():
    got = Outcome([STEADY, ONCE], '--again')
    tail = got.text.split('unsteady, failed beside others')[-1]
    return got.is_like(0, '2 passed, 0 failed, 0 skipped',
                       ['pass', 'pass', 'unsteady']) and \
        'own/test_1: holds' in tail and '# why' in tail


def what_fails_twice_fails():
    got = Outcome([STEADY, BROKEN], '--again')
    return got.is_like(1, '1 passed, 1 failed, 0 skipped', ['pass', 'fail']) \
        and 'unsteady' not in got.text


def more_than_three_are_no_accident():
    return Outcome([STEADY] + [ONCE] * 4, '--again').is_like(
        1, '1 passed, 4 failed, 0 skipped', ['pass'] + ['fail'] * 4)


def what_hangs_is_no_accident():
    return Outcome([STEADY, HANGS], '--again', timeout=2).is_like(
        1, '1 passed, 1 failed, 0 skipped', ['pass', 'fail'])


def words_that_name_nothing_fail_and_say_so():
    return all(Outcome([STEADY], *words).is_like(1, last, None)
               for words, last in (
                   (('--only', 'own', '--only', 'onw'),
                    '--only onw: no suite of that name, but own'),
                   (('--match', 'tset'),
                    'nothing was run: --match tset is in no suite/name')))


def pattern_without_a_program_fails():
    got = Outcome([STEADY], more='lost, selftests/tset_*, no, 60\n')
    return got.is_like(1, '1 passed, 1 failed, 0 skipped', ['pass', 'fail']) \
        and 'lost/tset_*' in got.text


def main():
    tests = (what_fails_once_counts_as_failed_by_default,
             what_passes_by_itself_counts_as_passed_and_is_told,
             what_fails_twice_fails, more_than_three_are_no_accident,
             what_hangs_is_no_accident,
             words_that_name_nothing_fail_and_say_so,
             pattern_without_a_program_fails)
    failed = 0
    print(f'TAP version 13\n1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        good = test()
        failed += not good
        print(f'{"ok" if good else "not ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

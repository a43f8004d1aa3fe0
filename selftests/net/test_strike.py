#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Each call into libc of a program that reads manifests goes wrong: it says that
it could not, or it says the same as without. What a running agent makes of such calls
is asked by strikes.py.

    test_strike.py
"""
import os
import signal
import subprocess
import sys
import tempfile

from wdnet import strike
from wdnet.node import TOP, WARDER
from wdnet.strike import FAIL, Strike
from wdnet.tap import Fail, Tap, expect

MANIFESTS = os.path.join(TOP, 'tools', 'demo', 'shop')


def read(s, where):
    done = subprocess.run(
        [*s.wrapper, WARDER, 'agent', '--check', '--manifests', where],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def is_of_json_c(code, module, err):
    """Without memory json-c ends by itself."""
    return code in (-signal.SIGABRT, -signal.SIGSEGV) and (
        module.startswith('libjson-c') or 'json_object.c' in err)


def says_so(code, out, said):
    """And takes it for nobody's mistake."""
    if code == 2:
        return 'out of memory' in said
    return code == 1 and 'not YAML' not in out and (
        said or ' 0 errors' not in out)


def what_cannot_be_had_is_no_mistake_of_the_text(folder):
    s = Strike(folder)
    try:
        good = read(s, MANIFESTS)
        expect((0, ''), (good[0], good[2]), 'as it is')
        places = sorted(s.sites())
        expect(True, len(places) > 20, f'places: {len(places)}')
        wrong = []
        for number, (at, kind) in enumerate(places):
            errors = [e for e in strike.ERRORS[strike.WHAT[kind]]
                      if e != 'ENOENT']  # which may be true
            err = errors[number % len(errors)]
            s.arm(FAIL, site=at, whats=1 << kind, err=err,
                  every=number % 2)
            code, out, said = read(s, MANIFESTS)
            if not s.calm() or (code, out) == good[:2] or says_so(
                    code, out, said) or is_of_json_c(code, s.module(at),
                                                     said):
                continue
            wrong.append(f'{s.name(at)} {strike.WHAT[kind]} {err}: {code} '
                         + out + said)
        if wrong:
            raise Fail(*wrong)
    finally:
        s.close()


def main():
    if not os.path.exists(strike.LIBRARY):
        print('no libstrike.so: it does not go with a sanitized program')
        return 4
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix='wd-strike-') as folder:
        test = what_cannot_be_had_is_no_mistake_of_the_text
        tap.run(test.__name__, test, folder)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

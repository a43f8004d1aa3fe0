#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds selftests/scenarios to the tests that are there: every scenario is
listed once, and every test that it names exists and is run. Needs no build.

    test_scenarios_list.py
"""
import re
import sys

from named import OF_ANY_LIST, List, main, tests_in_python, tests_of

# The others are about upgrades and the agent's own surface: each joins the
# list with what it is a test of.
NUMBERS = {*range(1, 100), *range(103, 106), *range(108, 111), *range(113, 148),
           *range(152, 157), *range(163, 172), *range(183, 188)}


def a_test_that_has_a_number_stands_there(scenarios):
    """Those of programs that call their tests by the number."""
    named = {(row.key, t) for row in scenarios.rows for t in row.tests}
    for program in sorted({p for row in scenarios.rows for p, _ in row.tests}):
        for name in sorted(tests_of(program) or ()):
            hit = re.match(r'(?:scenario|row)_(\d+)(?:_and_(\d+))?_\w+$', name)
            for number in filter(None, hit.groups() if hit else ()):
                if int(number) in NUMBERS and \
                        (number, (program, name)) not in named:
                    yield f'{number}: {program}: {name} is not listed'


def what_is_not_there_is_found(_):
    """The controls of the tests of any list."""
    if tests_of('net/test_nothing.py') is not None or \
            tests_of('net/wdnet/tap.py') is not None:
        yield 'a program that is not there, or not run, is one'
    for program in ('packet/test_link.c', 'net/test_hygiene.py'):
        if not tests_of(program) or 'no_such_test' in tests_of(program):
            yield f'{program}: any name is a test, or none'
    alone = 'def it_holds(b):\n    pass\n'
    if 'it_holds' in tests_in_python(alone) or \
            'it_holds' not in tests_in_python(alone + 'T = (it_holds,)\n'):
        yield 'a function that nothing runs is a test'


if __name__ == '__main__':
    sys.exit(main(List('scenarios', r'\d+', map(str, sorted(NUMBERS))),
                  (*OF_ANY_LIST, a_test_that_has_a_number_stands_there,
                   what_is_not_there_is_found)))

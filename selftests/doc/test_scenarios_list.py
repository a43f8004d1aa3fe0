#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds selftests/scenarios to the tests that are there: every scenario is
listed once, and every test that it names exists and is run. Needs no build.

    test_scenarios_list.py

Of a test in C its WD_TEST() is looked for, of one in Python a function that
something refers to, or a text that it is called by.
"""
import ast
import functools
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
TESTS_DIR = os.path.join(TOP, 'selftests')
# The others are about encryption on the wire, Services, upgrades and the
# agent's own surface: each joins the list with what it is a test of.
NUMBERS = {*range(1, 98), 103, 104, *range(108, 111), *range(113, 117),
           *range(143, 148), *range(152, 157), *range(163, 172),
           *range(183, 188)}


class Row:
    """A line of the list with what is indented below it."""

    def __init__(self, number, text):
        self.number, self.text = number, text
        self.tests = []  # (program, name of the test)
        self.missing = []  # what is not shown, and why

    def add(self, line):
        program, colon, rest = line.partition(': ')
        if not colon or not rest.strip():
            raise ValueError(line)
        if program == 'none':
            self.missing.append(rest)
        else:
            self.tests += [(program, n.strip()) for n in rest.split(';')]


def read_list():
    rows = []
    with open(os.path.join(TESTS_DIR, 'scenarios'), encoding='utf-8') as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            head = re.match(r'(\d+) (\S.*)$', line)
            if head:
                rows.append(Row(int(head[1]), head[2]))
            elif line[0] == '\t' and rows:
                rows[-1].add(line.strip())
            else:
                raise ValueError(line)
    return rows


# ---- the tests of a program ----

def text_of(path):
    with open(path, encoding='utf-8') as f:
        return f.read()


def tests_in_c(path):
    kbuild = text_of(os.path.join(os.path.dirname(path), 'Kbuild'))
    word = os.path.basename(path).removesuffix('.c')
    listed = [line for line in kbuild.split('\n')
              if re.match(r't(est|prog)-y\s*[+:]=', line)
              and word in line.split()]
    return set(re.findall(r'\bWD_TEST\((\w+)\)', text_of(path))) \
        if listed else set()


def tests_in_python(text):
    tree = ast.parse(text)
    functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
    referred = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    by_prefix = 'globals' in referred  # all test_... and row_... functions
    out = {n.value for n in ast.walk(tree)
           if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in functions and \
                (node.name in referred or node.decorator_list
                 or by_prefix and re.match('(test|row)_', node.name)):
            out.add(node.name)
    return out


def cases_of_conformance():
    sys.path.insert(0, os.path.join(TESTS_DIR, 'net'))
    sys.dont_write_bytecode = True
    import cases  # pylint: disable=import-outside-toplevel
    topics = [t for t in vars(cases).values() if hasattr(t, 'CASES')]
    return {case.name for topic in topics for case in topic.CASES}


@functools.lru_cache(None)
def tests_of(program):
    """None: there is no such program, or nothing runs it."""
    path = os.path.join(TESTS_DIR, program)
    if not os.path.isfile(path):
        return None
    if program.endswith('.c'):
        return tests_in_c(path)
    if not os.access(path, os.X_OK):
        return None
    if program == 'fuzz/run':
        return {os.path.basename(p)[5:-2] + '_holds_for_any_bytes'
                for p in glob.glob(os.path.join(TESTS_DIR, 'fuzz/fuzz_*.c'))}
    if program == 'net/test_conformance.py':
        return tests_in_python(text_of(path)) | cases_of_conformance()
    return tests_in_python(text_of(path))


# ---- the tests of this program: each yields what is wrong ----

def every_scenario_is_listed_once_and_in_order(rows):
    numbers = [row.number for row in rows]
    for number in sorted(NUMBERS | set(numbers)):
        if numbers.count(number) != (number in NUMBERS):
            yield f'{number} is listed {numbers.count(number)} times'
    if numbers != sorted(numbers):
        yield 'the numbers are not in order'


def every_scenario_has_a_test_or_says_why_not(rows):
    for row in rows:
        if not row.tests and not row.missing:
            yield f'{row.number}: no test and no reason'
        for reason in row.missing:
            if len(reason.split()) < 4:
                yield f'{row.number}: no reason: {reason!r}'


def every_test_that_is_named_exists(rows):
    for row in rows:
        for program, name in row.tests:
            tests = tests_of(program)
            if tests is None:
                yield f'{row.number}: no program {program} that is run'
            elif name not in tests:
                yield f'{row.number}: {program} has no test {name!r}'


def no_test_is_named_twice_in_a_scenario(rows):
    for row in rows:
        for test in set(row.tests):
            if row.tests.count(test) > 1:
                yield f'{row.number}: twice: {test}'


def a_test_that_has_a_number_stands_there(rows):
    """Those of programs that call their tests by the number."""
    named = {(n, t) for row in rows for t in row.tests for n in [row.number]}
    for program in sorted({p for row in rows for p, _ in row.tests}):
        for name in sorted(tests_of(program) or ()):
            hit = re.match(r'(?:scenario|row)_(\d+)(?:_and_(\d+))?_\w+$', name)
            for number in filter(None, hit.groups() if hit else ()):
                if int(number) in NUMBERS and \
                        (int(number), (program, name)) not in named:
                    yield f'{number}: {program}: {name} is not listed'


def what_is_not_there_is_found(_):
    """The controls of the tests above."""
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


TESTS = (
    every_scenario_is_listed_once_and_in_order,
    every_scenario_has_a_test_or_says_why_not,
    every_test_that_is_named_exists,
    no_test_is_named_twice_in_a_scenario,
    a_test_that_has_a_number_stands_there,
    what_is_not_there_is_found,
)


def main():
    rows = read_list()
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    for number, test in enumerate(TESTS, 1):
        wrong = list(test(rows))
        failed += bool(wrong)
        for line in wrong:
            print('# ' + line)
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

# SPDX-License-Identifier: GPL-2.0-only
"""Lists of what must hold, and of the tests that show it: how they are read,
and whether each test that they name exists and is run.

A line begins with the number of an entry; below it, indented:

    PROGRAM: TEST[; TEST]...    the program's path below selftests/
    none: WHY                   what of it no test shows

Of a test in C its WD_TEST(), WIRE_TEST() or WORLD_TEST() is looked for, of one in
Python a function that something refers to, or a text that it is called by.
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


class Row:
    """A line of the list with what is indented below it."""

    def __init__(self, key, text):
        self.key, self.text = key, text
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


class List:
    """@path: below selftests/. @key: what an entry begins with, a pattern.
    @keys: those that must be there, in order."""

    def __init__(self, path, key, keys):
        self.keys, self.rows = list(keys), []
        head = re.compile(f'({key}) (\\S.*)$')
        with open(os.path.join(TESTS_DIR, path), encoding='utf-8') as f:
            for line in f:
                if line.startswith('#') or not line.strip():
                    continue
                found = head.match(line)
                if found:
                    self.rows.append(Row(found[1], found[2]))
                elif line[0] == '\t' and self.rows:
                    self.rows[-1].add(line.strip())
                else:
                    raise ValueError(line)


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
    return set(re.findall(r'\b(?:WD|WIRE|WORLD)_TEST\(\s*(\w+)[,)]', text_of(path))) \
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


# ---- tests of a list: each yields what is wrong ----

def every_entry_is_listed_once_and_in_order(named):
    keys = [row.key for row in named.rows]
    for key in named.keys + [k for k in keys if k not in named.keys]:
        if keys.count(key) != (key in named.keys):
            yield f'{key} is listed {keys.count(key)} times'
    if [k for k in keys if k in named.keys] != \
            [k for k in named.keys if k in keys]:
        yield 'they are not in order'


def every_entry_has_a_test_or_says_why_not(named):
    for row in named.rows:
        if not row.tests and not row.missing:
            yield f'{row.key}: no test and no reason'
        for reason in row.missing:
            if len(reason.split()) < 4:
                yield f'{row.key}: no reason: {reason!r}'


def every_test_that_is_named_exists(named):
    for row in named.rows:
        for program, name in row.tests:
            tests = tests_of(program)
            if tests is None:
                yield f'{row.key}: no program {program} that is run'
            elif name not in tests:
                yield f'{row.key}: {program} has no test {name!r}'


def no_test_is_named_twice_in_an_entry(named):
    for row in named.rows:
        for test in sorted(set(row.tests)):
            if row.tests.count(test) > 1:
                yield f'{row.key}: twice: {test}'


OF_ANY_LIST = (
    every_entry_is_listed_once_and_in_order,
    every_entry_has_a_test_or_says_why_not,
    every_test_that_is_named_exists,
    no_test_is_named_twice_in_an_entry,
)


def main(named, tests):
    failed = 0
    print(f'TAP version 13\n1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        wrong = list(test(named))
        failed += bool(wrong)
        for line in wrong:
            print('# ' + line)
        print(f'{"not ok" if wrong else "ok"} {number} - {test.__name__}',
              flush=True)
    return 1 if failed else 0

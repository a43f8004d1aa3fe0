#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the public documentation of policies describes, in manifests of our own:
each object is read, or refused for the field that the table `expected` names.
Needs no root and no agent.

    test_examples.py BUILD
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = re.compile(r'^metadata: \{name: ([a-z0-9-]+)', re.M)
OUTCOMES = {'ignored': {'ignored'}, 'never': {'isolated', 'kept'},
            'later': {'isolated', 'kept'}, 'unknown': {'isolated', 'kept'}}


def table():
    """page -> object -> (outcome, fields)"""
    out = collections.defaultdict(dict)
    with open(os.path.join(HERE, 'expected'), encoding='utf-8') as f:
        for line in f:
            if line.startswith('#'):
                continue
            page, name, outcome, *field = line.split()
            out[page][name] = (outcome, set(field))
    return out


def names_of(path):
    with open(path, encoding='utf-8') as f:
        return NAME.findall(f.read())


def check(warder, path):
    """object -> what is told of it, as (effect, field)"""
    done = subprocess.run([warder, 'policy', 'check', path, '--json'],
                          stdout=subprocess.PIPE, text=True, check=False)
    doc = json.loads(done.stdout)
    out = collections.defaultdict(set)
    for problem in doc['problems']:
        out[problem['object'].split('/')[-1]].add(
            (problem['effect'], problem['field']))
        if problem['text'].startswith('unknown field'):
            out[problem['object'].split('/')[-1]].add(('unknown', None))
    return out, sum(doc['objects'].values())


def errors_of(warder, page, rows):
    path = os.path.join(HERE, page + '.yaml')
    told, read = check(warder, path)
    refused = [name for name, what in told.items()
               if 'kept' in {effect for effect, _ in what}]
    names = names_of(path)
    errors = []
    if sorted(names) != sorted(rows):
        errors.append(f'objects and table differ: {set(names) ^ set(rows)}')
    for name, (outcome, fields) in rows.items():
        want = OUTCOMES.get(outcome)
        got = told.pop(name, set())
        if (('unknown', None) in got) != (outcome == 'unknown'):
            errors.append(f'{name}: is the field unknown? {sorted(got, key=str)}')
        got.discard(('unknown', None))
        if outcome != 'ok' and not want:
            errors.append(f'{name}: no such outcome: {outcome}')
        elif {f for _, f in got} != fields or \
                not {e for e, _ in got} <= (want or set()):
            errors.append(f'{name}: expected {outcome} {sorted(fields)}, '
                          f'got {sorted(got)}')
    if told:
        errors.append(f'of objects that are not there: {dict(told)}')
    if read + len(refused) != len(names):
        errors.append(f'{read} of {len(names)} read, refused: {refused}')
    return errors


def main():
    warder = os.path.join(sys.argv[1] if len(sys.argv) > 1 else 'build',
                          'warder')
    rows = table()
    pages = sorted(os.path.basename(p)[:-len('.yaml')]
                   for p in glob.glob(os.path.join(HERE, '*.yaml')))
    failed = 0
    for number, page in enumerate(pages, 1):
        errors = errors_of(warder, page, rows.get(page, {}))
        for line in errors:
            print(f'# {line}')
        failed += bool(errors)
        print(f'{"not ok" if errors else "ok"} {number} - examples_of_'
              f'{page.replace("-", "_")}_are_read_or_refused_by_field')
    print(f'1..{len(pages)}')
    return 1 if failed or set(rows) != set(pages) else 0


if __name__ == '__main__':
    sys.exit(main())

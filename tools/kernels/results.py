# SPDX-License-Identifier: GPL-2.0-only
"""What the boots came to, for people and programs: rows, a table, TAP.

A row is one object on one boot. The fields kernel, rung, object, loads, insns
and suite are what other tools rely on; `suite` is `pass` if all of that boot
passed.
"""
import json
import os

INSNS_LIMIT = 1000000  # where the verifier gives up
TEXT_LINES = 40


def rows_of(out):
    """One row for each object of a boot, best rung first, then the agent's."""
    rows = [row_of(out, name, obj) for name, obj in out.objects.items()]
    if not rows:
        rows = [blank(out, 'wd_pod', 'none')]
    asked = out.count('ok', 'ruleset') + out.count('fail', 'ruleset')
    if asked:
        rows.append(dict(blank(out, 'ruleset', 'nft'),
                         loads=not out.count('fail', 'ruleset')))
    if out.rung:
        rows.append(dict(blank(out, 'agent', out.rung), loads=True,
                         load_ms=out.rung_ms))
    return rows


def blank(out, name, rung):
    obj_tests = {s: out.count(s, name) for s in ('ok', 'fail', 'skip')}
    variant = out.boot.variant
    return {'kernel': out.boot.kernel.id, 'rung': rung, 'object': name,
            'loads': False, 'insns': 0,
            'suite': 'pass' if out.passed else 'fail',
            'variant': variant.id if variant else '',
            'what': variant.what if variant else '',
            'release': out.release, 'packages': out.packages,
            'asked': out.asked,
            'stack': None, 'load_ms': None, 'attach': None, 'programs': {},
            'verdicts': obj_tests,
            'tests': {s: out.count(s) for s in ('ok', 'fail', 'skip')},
            'failed': [t.name for t in out.tests if t.state == 'fail'],
            'seconds': round(out.seconds, 1), 'took': out.took}


def row_of(out, name, obj):
    return dict(blank(out, name, obj.rung), loads=obj.loads,
                insns=max(obj.insns.values(), default=0),
                stack=max(obj.stack.values(), default=None),
                load_ms=obj.load_ms, attach=obj.attach, programs=obj.insns)


def write_json(path, rows):
    """One row a line, so that two of them can be compared."""
    with open(path + '.tmp', 'w', encoding='utf-8') as f:
        f.write('[\n' + ',\n'.join(json.dumps(row) for row in rows) + '\n]\n')
    os.replace(path + '.tmp', path)


# ---- the table ----

COLUMNS = (('kernel', 7), ('variant', 12), ('rung', 8), ('object', 10),
           ('loads', 5), ('insns', 7), ('limit', 6), ('stack', 5),
           ('load', 7), ('attach', 10), ('verdicts', 9))
LEFT = ('kernel', 'variant', 'rung', 'object', 'loads', 'attach')


def cells(row):
    """What the table says of a row, by column."""
    asked = sum(row['verdicts'].values())
    insns = row['insns']
    return {
        'kernel': row['kernel'], 'variant': row['variant'] or '-',
        'rung': row['rung'], 'object': row['object'],
        'loads': 'yes' if row['loads'] else 'no',
        'insns': str(insns) if insns else '-',
        'limit': f'{100 * insns / INSNS_LIMIT:.1f}%' if insns else '-',
        'stack': '-' if row['stack'] is None else str(row['stack']),
        'load': '-' if row['load_ms'] is None else
        f'{row["load_ms"] / 1000:.2f} s',
        'attach': ' '.join(row['attach'] or []) or '-',
        'verdicts': f'{row["verdicts"]["ok"]}/{asked}' if asked else '-'}


def table_line(cell):
    words = [cell[name].ljust(width) if name in LEFT
             else cell[name].rjust(width) for name, width in COLUMNS]
    return ' '.join(words).rstrip()


def table(rows):
    """Lines; kernel and variant stand only where they change."""
    lines = [table_line({name: name for name, _ in COLUMNS})]
    before = None
    for row in rows:
        cell = cells(row)
        here = (row['kernel'], row['variant'])
        if here == before:
            cell['kernel'] = cell['variant'] = ''
        before = here
        lines.append(table_line(cell))
    return lines


def boots_table(outcomes):
    lines = ['', f'{"boot":20} {"release":28} {"agent":8} {"tests":>11} '
             f'{"time":>6}  suite']
    for out in outcomes:
        total = len(out.tests) - out.count('skip')
        lines.append(f'{out.boot.id:20} {out.release or "-":28} '
                     f'{out.rung or "-":8} {out.count("ok"):5}/{total:<5} '
                     f'{out.seconds:4.0f} s  '
                     f'{"pass" if out.passed else "FAIL"}')
    return lines


def print_failures(outcomes):
    for out in outcomes:
        for test in out.tests:
            if test.state == 'ok':
                continue
            word = 'not ok' if test.state == 'fail' else 'skip'
            print(f'{out.boot.id}: {word}: {test.name}')
            for line in test.text.splitlines()[-TEXT_LINES:]:
                print('    ' + line)


def print_tap(outcomes, complaints):
    """complaints: lines of the baseline's judgement, None if not asked."""
    number = 0
    for out in outcomes:
        for test in out.tests:
            number += 1
            name = f'{out.boot.id}: {test.name}'
            if test.state == 'skip':
                print(f'ok {number} - {name} # SKIP {test.text}')
                continue
            print(f'{"not " if test.state == "fail" else ""}ok {number} - '
                  f'{name}')
            if test.state == 'fail':
                for line in test.text.splitlines()[-TEXT_LINES:]:
                    print('# ' + line.removeprefix('# '))
    if complaints is not None:
        number += 1
        print(f'{"not " if complaints else ""}ok {number} - '
              'nothing is worse than the baseline')
        for line in complaints:
            print('# ' + line)
    print(f'1..{number}')

# SPDX-License-Identifier: GPL-2.0-only
"""Is a run worse than the one that was accepted?

Worse is: an object that no longer loads, a way of attaching that is gone, an
agent on a lower rung, more than a tenth more instructions; on any kernel, in
any variant. Pure: takes and gives rows (results.py); what a run did not boot is
not judged.
"""
import json

RUNGS = ('full', 'compat', 'minimal', 'nft', 'hold')  # best first
GROWTH = 1.10
KEPT = ('kernel', 'variant', 'object', 'rung', 'loads', 'insns', 'stack',
        'attach')
# The rows that one program makes; loading makes the others, and is always run.
MADE_BY = {'agent': 'agent_guest', 'ruleset': 'test_nft_oracle'}


def key_of(row):
    return row['kernel'], row['variant'], row['object']


def boot_of(row):
    return row['kernel'] + (f'+{row["variant"]}' if row['variant'] else '')


def read(path):
    try:
        with open(path, encoding='utf-8') as f:
            return json.load(f)
    except FileNotFoundError:
        return []


def is_lower(rung, than):
    return rung not in RUNGS or \
        than in RUNGS and RUNGS.index(rung) > RUNGS.index(than)


def asked_of(rows):
    """The programs that each boot was to run."""
    return {boot_of(row): row['asked'] for row in rows}


def was_asked(row, asked):
    """Whether the run could have made this row, too."""
    program = MADE_BY.get(row['object'])
    return boot_of(row) in asked and \
        (not program or program in asked[boot_of(row)])


def judge(old, rows):
    """(complaints, remarks): lines; the first ones mean failure."""
    now = {key_of(row): row for row in rows}
    asked = asked_of(rows)
    complaints = []
    for before in old:
        if not was_asked(before, asked):
            continue
        name = f'{boot_of(before)}: {before["object"]}'
        row = now.pop(key_of(before), None)
        complaints += [f'{name}: {text}' for text in worse(before, row)]
    remarks = [f'{boot_of(row)}: {row["object"]}: not in the baseline yet'
               for row in now.values() if row['rung'] != 'none']
    return complaints, remarks


def worse(before, row):
    """What is worse about one row; None: there is none."""
    if before['object'] == 'agent':
        if not row:
            return [f'rung {before["rung"]} is lost: no agent reached one']
        if is_lower(row['rung'], before['rung']):
            return [f'the agent reaches {row["rung"]}, the baseline has '
                    f'{before["rung"]}']
        return []
    if before['loads'] and not (row and row['loads']):
        why = 'does not load' if row else 'is not there'
        return [f'rung {before["rung"]} is lost: the object {why}']
    if not row:
        return []
    found = []
    if row['attach'] is not None:  # it was tried
        found = [f'{way} is lost: its programs cannot be attached so'
                 for way in before['attach'] or []
                 if way not in row['attach']]
    if before['insns'] and row['insns'] > GROWTH * before['insns']:
        more = 100 * (row['insns'] / before['insns'] - 1)
        found.append(f'{row["insns"]} instructions are {more:.0f} % more than '
                     f'the {before["insns"]} of the baseline')
    return found


def taken(row, before):
    """What the baseline keeps of a row; what was not tried is as before."""
    kept = {name: row[name] for name in KEPT}
    if kept['attach'] is None and before:
        kept['attach'] = before['attach']
    return kept


def accept(path, old, rows):
    """Write the baseline anew: of boots that passed as they are now, the rest
    as it was. Returns the boots that were not taken."""
    good = [row for row in rows if row['suite'] == 'pass']
    asked = asked_of(good)
    before = {key_of(row): row for row in old}
    kept = [row for row in old if not was_asked(row, asked)]
    now = [taken(row, before.get(key_of(row))) for row in good]
    order = sorted(kept + now, key=lambda row: (
        [int(n) for n in row['kernel'].split('.')], row['variant']))
    with open(path, 'w', encoding='utf-8') as f:
        f.write('[\n' + ',\n'.join(json.dumps(row) for row in order)
                + '\n]\n')
    return sorted({boot_of(row) for row in rows} - set(asked))

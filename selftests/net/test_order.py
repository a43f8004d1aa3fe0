#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Objects come, change and go in random order; what is in force in the end is
what an agent that was told of the last of each alone enforces: the same
verdicts by the same rules, the same connections, as many entries in the maps.

    test_order.py [PART-OF-A-NAME]

WD_SEED=N repeats a run.
"""
import copy
import json
import os
import random
import shutil
import sys
import tempfile

from wdnet.ask import until
from wdnet.cells import Scenario, names
from wdnet.life import entries
from wdnet.shared import pin
from wdnet.suite import LONG
from wdnet.tap import Fail, Tap, expect
from wdnet.town import Town

FEW = ('tiers-mixed',)
WALKS = 6 if LONG else 1
RUNGS = ('full', 'nft') if LONG else ('full',)


class Walk:
    """Each object is a file; what an object was before it is what it shall be
    is made of the others of its kind."""

    def __init__(self, town, scenario, rng):
        self.town, self.rng = town, rng
        self.last = scenario.objects
        kept = {p['object'] for p in town.node.status()['problems']
                if p['effect'] == 'kept'}
        # of which a version of before would stay in force
        self.kept = [i for i, o in enumerate(self.last) if '/'.join(
            (o['kind'], o['metadata'].get('namespace', ''),
             o['metadata']['name'])).replace('//', '/') in kept]
        self.now = [None] * len(self.last)

    def put(self, i, what):
        path = os.path.join(self.town.node.manifests, f'{i:03}.json')
        if what is None and self.now[i] is not None:
            os.unlink(path)
        if what is not None:
            temp = os.path.join(self.town.dir, 'new')
            with open(temp, 'w', encoding='utf-8') as f:
                json.dump(what, f)
            os.rename(temp, path)
        self.now[i] = what

    def other(self, i):
        """The object with another's contents, or without its labels."""
        out = copy.deepcopy(self.last[i])
        if out['kind'] in ('Pod', 'Namespace', 'Node'):
            out['metadata'].pop('labels', None)
            return out
        twin = self.rng.choice([o for o in self.last
                                if o['kind'] == out['kind']])
        for key in ('spec', 'specs', 'endpoints'):
            out.pop(key, None)
            if key in twin:
                out[key] = copy.deepcopy(twin[key])
        return out

    def step(self):
        i = self.rng.randrange(len(self.last))
        kind = self.last[i]['kind']
        turn = self.rng.random()
        if turn < 0.3 and kind != 'Pod':  # a seat's pod stays one
            self.put(i, None)
        elif turn < 0.6:
            self.put(i, self.other(i))
        else:
            self.put(i, self.last[i])

    def go(self, steps):
        order = list(range(len(self.last)))
        self.rng.shuffle(order)
        for i in order:
            self.put(i, self.last[i] if self.rng.random() < 0.5
                     else self.other(i))
        for _ in range(steps):
            self.step()
            if self.rng.random() < 0.3:
                self.town.node.warder('sync', ok=None)
        for i in self.kept:
            self.put(i, None)
        self.town.node.warder('sync', ok=None)
        self.rng.shuffle(order)
        for i in order:
            if self.now[i] != self.last[i]:
                self.put(i, self.last[i])
                if self.rng.random() < 0.1:
                    self.town.node.warder('sync', ok=None)
        self.town.node.warder('sync', ok=None)


def verdicts(town, cells):
    """[(cell, verdict, reason, rule)]"""
    out = []
    for cell in cells:
        doc = json.loads(town.node.warder(*town.asked(cell), '--json',
                                          ok=None)[1])
        rule = doc.get('rule') or {}
        out.append((cell.text, doc['verdict'], doc['reason'], *(
            rule.get(k) for k in ('kind', 'namespace', 'name', 'direction',
                                  'index'))))
    return out


def any_order_ends_the_same(town, scenario, seed):
    cells = list(scenario.cells())
    some = [c for c in cells if isinstance(c.what, str)][::1 if LONG else 5]
    try:
        town.settle(scenario)
        problems = town.problems()
        fresh, used = verdicts(town, some), entries(town.node)
        walk = Walk(town, scenario, random.Random(f'{seed}-{scenario.name}'))
        os.unlink(os.path.join(town.node.manifests, 'all.yaml'))
        for _ in range(WALKS):
            walk.go(60 if LONG else 25)
            expect(problems, town.problems(), 'what is told wrong')
            expect(fresh, verdicts(town, some), 'verdicts')
            until(used, lambda: entries(town.node), 'entries of maps')
            wrong = town.wrong(cells)
            if wrong:
                raise Fail(*wrong)
    finally:
        for name in os.listdir(town.node.manifests):
            os.unlink(os.path.join(town.node.manifests, name))
        town.clear()


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    seed = os.environ.get('WD_SEED') or \
        str(random.SystemRandom().getrandbits(32))
    tap = Tap()
    tap.say(f'WD_SEED={seed}')
    directory = tempfile.mkdtemp(prefix='wdnet-')
    town = Town(directory)
    try:
        for rung in RUNGS:
            if town.node.status()['rung'] != rung:
                pin(town, rung)
            for name in names():
                word = name.removesuffix('.yaml')
                if only in name if only else LONG or word in FEW:
                    tap.run(f'any_order_of_{word.replace("-", "_")}_ends_the_'
                            f'same_on_{rung}', any_order_ends_the_same, town,
                            Scenario(name), seed)
    finally:
        town.close()
        shutil.rmtree(directory, ignore_errors=True)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

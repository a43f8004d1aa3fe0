#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The cells of selftests/examples/cells by connections: each file's pods of this
node are namespaces, whoever else it names lives in one beside the node, and a
real agent enforces what the file says.

    test_corpus.py [PART-OF-A-NAME [FILE]]

All files on all rungs under WD_LONG=1, else a few on one each. WD_RUNGS names
the rungs.
"""
import os
import shutil
import sys
import tempfile

from wdnet.cells import Scenario, names
from wdnet.shared import pin
from wdnet.suite import LONG
from wdnet.tap import Fail, Tap, expect
from wdnet.town import Town

FEW = {'full': ('cilium-ports',), 'nft': ('services',)}
RUNGS = (os.environ.get('WD_RUNGS') or 'full compat nft').split()


def check(town, scenario):
    try:
        town.settle(scenario)
        expect(scenario.foretold(), town.problems(), 'what is told wrong')
        cells = list(scenario.cells())
        wrong = town.wrong(cells)
        if wrong:
            raise Fail(*wrong)
        return len(cells)
    finally:
        town.clear()


def chosen(only, rung):
    """What is tried on a rung."""
    if sys.argv[2:]:
        return [Scenario(os.path.basename(p), p) for p in sys.argv[2:]]
    return [Scenario(n) for n in names() if only in n and (
        LONG or only or n.removesuffix('.yaml') in FEW.get(rung, ()))]


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    directory = tempfile.mkdtemp(prefix='wdnet-')
    town = Town(directory)
    cells = 0

    def one(scenario):
        nonlocal cells
        cells += check(town, scenario)
    try:
        for rung in RUNGS:
            some = chosen(only, rung)
            if some and town.node.status()['rung'] != rung:
                pin(town, rung)
            for s in some:
                tap.run(f'connections_of_{s.name.replace("-", "_")}_are_as_'
                        f'written_on_{rung}', one, s)
    finally:
        town.close()
        shutil.rmtree(directory, ignore_errors=True)
    tap.say(f'{cells} connections')
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

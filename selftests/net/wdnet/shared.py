# SPDX-License-Identifier: GPL-2.0-only
"""Test functions that are asked one after the other of one cluster, and the
rungs that policies are asked on."""
import os
import sys

from .tap import Tap, expect

RUNGS = ('full', 'minimal', 'nft') if os.environ.get('WD_LONG') == '1' \
    else ('full', 'nft')


class Shared:
    """`@SHARED.test` names one; `SHARED.main(make)` runs them."""

    def __init__(self):
        self.tests = []

    def test(self, function):
        self.tests.append(function)
        return function

    def main(self, make):
        """@make: gives the cluster. The first argument of the program is part
        of the names of those to be run. Gives the exit code."""
        only = sys.argv[1] if len(sys.argv) > 1 else ''
        tap = Tap()
        cluster = make()
        try:
            for function in self.tests:
                if only in function.__name__:
                    tap.run(function.__name__, function, cluster)
        finally:
            cluster.close()
        return tap.end()


def pin(cluster, rung):
    """On all nodes at once: programs take their time to load."""
    procs = [(node, node.warder_popen('ladder', 'pin', rung))
             for node in cluster.nodes]
    for node, proc in procs:
        err = proc.communicate(timeout=120)[1]
        expect(0, proc.returncode, f'pin {rung} on {node.name}: {err}')
        expect(rung, node.status()['rung'], f'rung of {node.name}')


def each_rung(cluster, rungs=RUNGS):
    """Each once, the one in force first: no test rests on their order."""
    now = cluster.nodes[0].status()['rung']
    for rung in sorted(rungs, key=lambda r: r != now):
        if any(node.status()['rung'] != rung for node in cluster.nodes):
            pin(cluster, rung)
        yield rung

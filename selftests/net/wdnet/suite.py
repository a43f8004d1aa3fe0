# SPDX-License-Identifier: GPL-2.0-only
"""Runs tables of cases and test functions on one cluster; each is a result."""
import os

from .matrix import Matrix, cell_name
from .tap import Fail, Tap

LONG = os.environ.get('WD_LONG') == '1'
TABLE_SHOW = 8


class Suite:
    """@only: run the cases whose name contains it."""

    def __init__(self, cluster, tap, only=''):
        self.cluster, self.tap, self.only = cluster, tap, only
        self.matrix = Matrix(cluster)
        self.labels = {p.key: p.labels for p in cluster.pods}
        self.ns = dict(cluster.namespaces)

    def set_state(self, step):
        for pod in self.cluster.pods:
            pod.labels = step.labels.get(pod.key, self.labels[pod.key])
        self.cluster.namespaces = {**self.ns, **step.ns}
        self.cluster.apply(step.policies)

    def run_case(self, case):
        self.cluster.style = case.style or 'yaml'
        for number, step in enumerate(case.steps, 1):
            self.set_state(step)
            where = f'step {number} of {len(case.steps)}: ' \
                if len(case.steps) > 1 else ''
            if step.table is not None:
                bad = self.matrix.oracle_errors(step.table)
                if bad:
                    raise Fail(f'{where}oracle and table differ:',
                               *map(cell_name, bad[:TABLE_SHOW]))
            wrong = self.matrix.check()
            if wrong:
                raise Fail(where + 'wrong cells:',
                           *self.matrix.explain(wrong))

    def run(self, cases):
        for case in cases:
            if self.only in case.name:
                self.tap.run(case.name, self.run_case, case)


class Bench:
    """Runs test functions that take the cluster, each from the same start."""

    def __init__(self, cluster, tap, only=''):
        self.cluster, self.tap, self.only = cluster, tap, only
        self.pods = list(cluster.pods)
        self.labels = {p.key: p.labels for p in cluster.pods}
        self.namespaces = dict(cluster.namespaces)

    def reset(self):
        c = self.cluster
        for name in [n for n in c.written if n.startswith('extra')]:
            c.write(name, None)
        for pod in [p for p in c.pods if p not in self.pods]:
            if pod.result:
                c.delete(pod, sync=False)
            else:
                c.pods.remove(pod)
        for pod in self.pods:
            if pod not in c.pods:
                c.pods.append(pod)
            pod.labels = dict(self.labels[pod.key])
            pod.handle.ask('abort')
        c.namespaces = dict(self.namespaces)
        c.style = 'yaml'
        for node in c.nodes:
            if node.agent is None:
                node.start_agent()
        c.apply([])

    def _one(self, function, *args):
        self.reset()
        function(self.cluster, *args)

    def run(self, name, function, *args):
        if self.only in name:
            self.tap.run(name, self._one, function, *args)


def main(make_cluster, tests, argv):
    """@tests: functions, or (name, function, arguments...)."""
    tap = Tap()
    cluster = make_cluster()
    try:
        bench = Bench(cluster, tap, argv[1] if len(argv) > 1 else '')
        for t in tests:
            name, function, *args = t if isinstance(t, tuple) \
                else (t.__name__, t)
            bench.run(name, function, *args)
    finally:
        cluster.close()
    return tap.end()

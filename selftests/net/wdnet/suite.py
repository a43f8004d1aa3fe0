# SPDX-License-Identifier: GPL-2.0-only
"""Runs tables of cases on one cluster and reports each as a result."""
import os

from .matrix import Matrix, cell_name
from .tap import Fail

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

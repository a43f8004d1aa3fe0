#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""NetworkPolicy on two nodes of dual-stack pods: every case is the whole matrix
of who reaches whom, by TCP, UDP, SCTP and ICMP over IPv4 and IPv6, against the
oracle and, where a table is given, against that.

    test_conformance.py [PART-OF-A-NAME]

WD_SEED=N repeats a random run, WD_LONG=1 makes more of it, WD_WORKERS=N
clusters work side by side (default 2).
"""
import os
import random
import sys

import cases
from cases import random_cases
from wdnet.cluster import e2e
from wdnet.suite import LONG, Suite
from wdnet.tap import Tap, Workers

RANDOM = 1000 if LONG else 50


def run(tap, chosen, families):
    cluster = e2e(families)
    try:
        suite = Suite(cluster, tap)
        suite.run(chosen)
        tap.say(f'{suite.matrix.probed} probes, {suite.matrix.retried} '
                'repeated')
    finally:
        cluster.close()


def all_cases(seed):
    for n in range(RANDOM):
        rng = random.Random(f'{seed}-{n}')
        yield random_cases.make(rng, f'random_{n}_of_seed_{seed}')


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    seed = int(os.environ.get('WD_SEED')
               or random.SystemRandom().getrandbits(32))
    workers = int(os.environ.get('WD_WORKERS') or 2)
    chosen = [c for c in [*cases.ALL, *all_cases(seed)] if only in c.name]
    Tap.say(f'WD_SEED={seed}, {len(chosen)} cases')
    return Workers([
        lambda tap, part=chosen[i::workers]: run(tap, part, (4, 6))
        for i in range(workers)]).run()


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""NetworkPolicy on two nodes of dual-stack pods: every case is the whole matrix
of who reaches whom, by TCP, UDP, SCTP and ICMP over IPv4 and IPv6, against the
oracle and, where a table is given, against that.

    test_conformance.py [PART-OF-A-NAME]

WD_SEED=N repeats a random run, WD_LONG=1 makes more of it.
"""
import os
import random
import sys

import cases
from cases import random_cases
from wdnet.cluster import e2e
from wdnet.suite import LONG, Suite
from wdnet.tap import Tap


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    seed = int(os.environ.get('WD_SEED') or random.SystemRandom().getrandbits(32))
    tap = Tap()
    cluster = e2e()
    try:
        suite = Suite(cluster, tap, only)
        suite.run(cases.ALL)
        tap.say(f'WD_SEED={seed}')
        for n in range(1000 if LONG else 60):
            rng = random.Random(f'{seed}-{n}')
            suite.run([random_cases.make(rng, f'random_{n}_of_seed_{seed}')])
        tap.say(f'{suite.matrix.probed} probes, {suite.matrix.retried} '
                'repeated')
    finally:
        cluster.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

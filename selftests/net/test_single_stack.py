#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A part of the conformance cases on a cluster of IPv4 alone and on one of
IPv6 alone: nothing may depend on the other family's being there.

    test_single_stack.py [PART-OF-A-NAME]
"""
import sys

from cases import (blocks, both_ways, egress, inference, ingress, ports,
                   recipes, selectors, updates)
from test_conformance import run
from wdnet.suite import LONG
from wdnet.tap import Workers

# Those that address families could matter to, and some of the others.
CASES = blocks.CASES[::1 if LONG else 2] + recipes.CASES[::2] + [
    case for topic in (both_ways, egress, inference, ingress, ports, selectors,
                       updates)
    for case in topic.CASES[::1 if LONG else 6]]


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    for case in CASES:
        case.base = case.name

    def named(family):
        """Each worker is a process: its names are its own."""
        def worker(tap):
            for case in CASES:
                case.name = f'ipv{family}_only_{case.base}'
            run(tap, [c for c in CASES if only in c.name], (family,))
        return worker
    return Workers([named(4), named(6)]).run()


if __name__ == '__main__':
    sys.exit(main())

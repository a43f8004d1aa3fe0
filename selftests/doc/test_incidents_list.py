#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds selftests/kernels/incidents to the tests that are there, as
test_scenarios_list.py does with scenarios. Needs no build.

    test_incidents_list.py
"""
import sys

from named import OF_ANY_LIST, List, main

INCIDENTS, RULES = 71, 8

if __name__ == '__main__':
    sys.exit(main(List('kernels/incidents', r'B\d+|rule \d',
                       [f'B{n}' for n in range(1, INCIDENTS + 1)]
                       + [f'rule {n}' for n in range(RULES)]), OF_ANY_LIST))

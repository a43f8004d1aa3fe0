# SPDX-License-Identifier: GPL-2.0-only
"""Tables of conformance cases, one file a topic. See dsl.py for the words."""
from . import (blocks, both_ways, egress, inference, ingress, ports, recipes,
               selectors, updates)

ALL = [c for topic in (ingress, egress, both_ways, inference, selectors, ports,
                       blocks, recipes, updates) for c in topic.CASES]

_names = [c.name for c in ALL]
assert len(_names) == len(set(_names)), 'two cases have one name'

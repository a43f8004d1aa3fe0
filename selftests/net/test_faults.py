#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Faults that people plant by mistake, and the one command that shows each. What
has to stand in the answer for somebody new to see it is asserted, on a node
with a live agent. Others are in test_doctor.py.

    test_faults.py [PART-OF-A-NAME]
"""
import sys

from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy
from wdnet.tap import Fail, expect

SHARED = Shared()


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()

    def policies(self, *policies):
        self.c.policies = list(policies)
        self.c.apply()

    def shows(self, command, code, *lines):
        """These stand in the answer, in this order."""
        rest = text = self.node.warder(*command.split(), ok=code)[1]
        for line in lines:
            _, found, rest = rest.partition(line)
            if not found:
                raise Fail(f'`warder {command}` does not say {line!r}', text)


def egress_policy(*ports):
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': 'out', 'namespace': 'shop'},
            'spec': {'podSelector': {'matchLabels': {'app': 'ok'}},
                     'policyTypes': ['Egress'], 'egress': [{'ports': [
                         {'port': p, 'protocol': 'TCP'} for p in ports]}]}}


@SHARED.test
def label_in_the_policy_is_misspelt(b):
    b.policies(ingress_policy('srv', 'srv', 'okay'))
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'drop, decided at ingress',
            'no rule allows it', 'NetworkPolicy/shop/srv', 'app=ok',
            'egress   allow', 'ingress  drop')
    b.shows('policy get shop/srv', 0, 'allow', 'from pods app=okay')


@SHARED.test
def names_cannot_be_resolved_as_egress_lacks_dns(b):
    b.policies(egress_policy(80))
    expect_reach(True, b.ok, b.srv)
    expect_reach(False, b.ok, b.srv, proto='udp', port=81)
    b.shows('why shop/ok shop/srv:81/udp', 1, 'drop, decided at egress',
            'no rule allows it', 'NetworkPolicy/shop/out', 'udp port 81',
            'egress   drop', 'ingress  allow')


@SHARED.test
def port_has_another_name_than_the_policy_says(b):
    policy = ingress_policy('srv', 'srv', 'ok')
    policy['spec']['ingress'][0]['ports'] = [{'port': 'web'}]
    b.policies(policy)
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'no rule allows it',
            'NetworkPolicy/shop/srv')
    b.shows('policy get shop/srv', 0, 'on tcp/web')
    policy['spec']['ingress'][0]['ports'] = [{'port': 'http'}]
    b.policies(policy)
    b.shows('why shop/ok shop/srv:80', 0, 'allow, decided at ingress',
            'on tcp/http')


@SHARED.test
def tunnel_of_a_mesh_hides_the_port(b):
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    b.shows('why shop/ok shop/srv:15008', 0, 'WARNING: port 15008',
            'HBONE', 'no rule by port sees')


@SHARED.test
def permission_that_was_removed_leaves_no_stale_flow(b):
    b.policies(ingress_policy('srv', 'srv', 'ok'))
    expect_reach(True, b.ok, b.srv)
    b.policies(ingress_policy('srv', 'srv'))
    expect_reach(False, b.ok, b.srv)
    b.shows('why shop/ok shop/srv:80', 1, 'drop, decided at ingress')
    before = b.node.counter('DEFAULT', 'ingress')
    expect_reach(False, b.ok, b.srv)
    expect(True, b.node.counter('DEFAULT', 'ingress') > before, 'counted')


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What the agent tells its API server, and that nothing waits for it."""
import json
import os
import sys

import yaml

from test_host import host_policy, ports
from test_kube import CNPS, DEFINITION
from wdnet.kube import KubeSolo
from wdnet.node import TOP
from wdnet.refuse import Refuse
from wdnet.solo import expect_reach, ingress_policy, wait_for
from wdnet.suite import main
from wdnet.tap import Fail, expect

NODE = '/api/v1/nodes/node-a/status'
NETPOLS_SAID = '"NetworkPolicy":"%d"'
TESTS = []


def test(function):
    def run(c):
        try:
            function(c)
        finally:
            c.server.ask('calm')
    run.__name__ = function.__name__
    TESTS.append(run)
    return run


class Telling(KubeSolo):
    """An agent that tells of its node, each second if need be."""

    def start_agents(self, *args):
        super().start_agents('--report-node', '--report-events', 'all',
                             '--report-every', '1s', *args)

    def writes(self):
        return self.server.ask('writes')['writes']

    def events(self, name, reason):
        return [e for e in self.server.ask('writes')['events']
                if (e['regarding']['name'], e['reason']) == (name, reason)]

    def node_writes(self, code=200):
        return [w for w in self.writes()
                if w['path'] == NODE and w['code'] == code]

    def standing(self):
        """Of the last write that the server took: annotation, condition."""
        took = self.node_writes()
        if not took:
            return {}, {}
        body = took[-1]['body']
        return json.loads(body['metadata']['annotations'][
            'warder.io/in-force']), body['status']['conditions'][0]


def policies_version(c):
    return c.server.versions['/apis/networking.k8s.io/v1/networkpolicies']


def expect_told(c, what):
    """The node says that all policies until now are in force."""
    wait_for(what, lambda: int(c.standing()[0].get('versions', {}).get(
        'NetworkPolicy', 0)) >= policies_version(c), 60)


def drift_checks(c, more):
    """Ten seconds each: as many looks at what is to be told."""
    before = c.only_node.status()['drift']['checks']
    wait_for('drift checks', lambda: c.only_node.status()[
        'drift']['checks'] >= before + more, 60)


@test
def a_node_says_up_to_where_policies_are_in_force(c):
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_told(c, 'the first policy')
    told, condition = c.standing()
    expect(('full', 0), (told['rung'], told['problems']), 'rung, problems')
    expect(('WarderEnforcing', 'True', 'Enforcing'),
           tuple(condition[k] for k in ('type', 'status', 'reason')), 'condition')
    expect(True, told['generation'] > 0, 'generation')
    if 'CiliumNode' in told['versions'] or 'Pod' in told['versions']:
        raise Fail('versions of what is no policy:', str(told))
    got = json.loads(c.only_node.warder('policy', 'get', 'shop/srv',
                                        '--json')[1])
    expect(('node-a', True), (got['node'], got['in_force']), 'policy get')
    expect(True, got['generation'] >= told['generation'], 'its generation')
    expect(True, int(got['version']) >= policies_version(c), 'its version')
    reports = c.only_node.status()['reports']
    expect((None, 0), (reports['error'], reports['refused']), 'status')


@test
def a_deletion_that_is_not_believed_yet_is_not_told_as_in_force(c):
    policy = {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy',
              'metadata': {'name': 'bad', 'namespace': 'shop'},
              'spec': {'endpointSelector': {'matchLabels': {'app': 'bad'}},
                       'ingress': [{'fromEntities': ['host']}]}}

    def told():
        return int(c.standing()[0].get('versions', {}).get(
            'CiliumNetworkPolicy', 0))
    c.apply([ingress_policy('srv', 'srv', 'ok'), policy])
    wait_for('it is told', lambda: told() >= c.server.versions[CNPS], 60)
    c.server.fault(DEFINITION, 'list', '503', 1 << 30)
    try:
        c.policies = [ingress_policy('srv', 'srv', 'bad')]
        c.write_objects()
        wait_for('it waits', lambda: c.kind('CiliumNetworkPolicy')[
            'unconfirmed_deletions'], 60)
        expect_told(c, 'the other policy')
        expect(True, told() < c.server.versions[CNPS], 'told of the deletion')
    finally:
        c.server.ask('calm')
    wait_for('it is told', lambda: told() >= c.server.versions[CNPS], 60)


@test
def what_moves_all_the_time_is_told_with_the_heartbeat_alone(c):
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_told(c, 'the policy')
    before, was = len(c.node_writes()), c.only_node.status()['generation']
    c.pod('shop/bad').labels = {'app': 'other'}
    c.apply()
    wait_for('a generation', lambda:
             c.only_node.status()['generation'] > was)
    drift_checks(c, 1)
    wait_for('heartbeats', lambda: len(c.node_writes()) >= before + 2, 60)
    told = c.node_writes()[before - 1:]
    for one, two in zip(told, told[1:]):
        if two['time'] - one['time'] < 5:
            raise Fail(f'told again after {two["time"] - one["time"]} s')
    beats = [w['body']['status']['conditions'][0] for w in told]
    expect(True, beats[0]['lastHeartbeatTime'] < beats[-1]['lastHeartbeatTime'],
           'heartbeat')
    expect(1, len({b['lastTransitionTime'] for b in beats}), 'transitions')


@test
def another_rung_is_told(c):
    c.only_node.warder('ladder', 'pin', 'hold')
    wait_for('hold', lambda: c.standing()[0].get('rung') == 'hold', 60)
    condition = c.standing()[1]
    expect(('False', 'RungHold'), (condition['status'], condition['reason']),
           'condition')
    c.only_node.warder('ladder', 'pin', 'full')
    wait_for('full', lambda: c.standing()[0].get('rung') == 'full', 60)
    expect('True', c.standing()[1]['status'], 'condition')


@test
def a_server_that_does_not_take_it_delays_nothing(c):
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_told(c, 'the policy')
    before = c.only_node.status()['reports']['failed']
    for do in ('hang', '429', '503', '409'):
        c.server.fault(NODE, 'write', do)
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'allowed now')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/srv'), 'denied now')
    wait_for('failures are told', lambda: c.only_node.status()[
        'reports']['error'], 60)
    expect_told(c, 'what is in force, in the end')
    reports = c.only_node.status()['reports']
    expect(before + 4, reports['failed'], 'failures')
    expect(None, reports['error'], 'error')


@test
def what_was_done_though_its_answer_is_lost_is_told_again(c):
    c.server.fault(NODE, 'write', 'late')
    c.apply([ingress_policy('srv', 'srv', 'ok', 'bad')])
    expect_told(c, 'the policy')
    wait_for('it is told once more', lambda: sum(
        NETPOLS_SAID % policies_version(c) in w['body']['metadata'][
            'annotations']['warder.io/in-force']
        for w in c.node_writes()) == 2, 60)
    expect(None, c.only_node.status()['reports']['error'], 'error')


def drop_some(c, cnt):
    for _ in range(cnt):
        expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'denied')


def refusals(c):
    """By policy: a pod may have lost other things when it began."""
    return [e for e in c.events('srv', 'PacketsDropped')
            if 'first of them: from' in e['note'] and 'DEFAULT' in e['note']]


def series(c):
    """How many packets the Event about the server counts."""
    events = refusals(c)
    return events[0].get('series', {'count': 1})['count'] if events else 0


@test
def drops_are_one_event_of_the_pod_and_a_series(c):
    c.server.ask('forget')
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    drop_some(c, 1)
    wait_for('an Event', lambda: series(c), 60)
    before = series(c)
    drop_some(c, 1)
    wait_for('a series', lambda: series(c) > max(before, 1), 60)
    events = refusals(c)
    expect(1, len(events), 'Events')
    event = events[0]
    expect(('v1', 'Pod', 'shop', 'node-a', 'Warning'),
           (*(event['regarding'][k] for k in ('apiVersion', 'kind',
                                              'namespace')),
            event['reportingInstance'], event['type']), 'Event')
    for word in (f'from {c.pod("shop/bad").ips[4]}', 'tcp port 80',
                 'DEFAULT', '--pod shop/srv'):
        if word not in event['note']:
            raise Fail(f'no {word} in', event['note'])


@test
def a_policy_that_is_not_in_force_is_an_event_of_it(c):
    bad = ingress_policy('odd', 'nobody', 'ok')
    bad['spec']['ingress'][0]['from'].append({'ipBlock': {'cidr': '10/8'}})
    before = c.only_node.status()['reports']['refused']
    # Of other pods' Events, which the server was made to forget.
    gone = [w['path'] for w in c.writes() if w['code'] == 404]
    c.apply([ingress_policy('srv', 'srv', 'ok'), bad])
    event = wait_for('an Event', lambda: c.events('odd', 'PolicyIsolates'),
                     60)[0]
    expect(('networking.k8s.io/v1', 'NetworkPolicy', 'uid-shop-odd'),
           tuple(event['regarding'][k] for k in ('apiVersion', 'kind', 'uid')),
           'regarding')
    if 'spec.ingress[0].from[1].ipBlock.cidr: ' not in event['note']:
        raise Fail('the note:', event['note'])
    wait_for('the node tells', lambda: c.standing()[0]['problems'] == 1, 60)
    node = c.only_node
    node.stop_agent()
    node.start_agent()
    wait_for('it is told that it was told', lambda: any(
        w['code'] == 409 and w['path'].endswith('/events')
        for w in c.writes()), 60)
    reports = node.status()['reports']
    expect((None, 0), (reports['error'], reports['refused']), 'status')
    expect(1, len(c.events('odd', 'PolicyIsolates')), 'Events')
    expect(len(gone), before, f'refused before, of which gone {gone}')


def begin_again(c, *args):
    c.only_node.stop_agent()
    c.only_node.start_agent('--kubeconfig', c.config, '--report-node',
                            '--report-events', 'all', '--report-every', '1s',
                            *args)


def expect_condition(c, status, reason):
    wait_for(reason, lambda: c.standing()[1].get('reason') == reason, 60)
    expect(status, c.standing()[1]['status'], reason)


@test
def an_agent_that_drops_nothing_does_not_tell_that_it_enforces(c):
    begin_again(c, '--mode', 'audit')
    expect_condition(c, 'False', 'NothingDropped')
    begin_again(c)
    expect_condition(c, 'True', 'Enforcing')


@test
def a_node_that_is_not_judged_is_told_though_its_pods_are(c):
    node = c.only_node
    node.stop_agent()
    refuse = Refuse(node)
    # neither by its program, nor by a ruleset
    refuse.set('bpf:PROG_LOAD name=wd_host* errno=EINVAL',
               'netlink:NETFILTER errno=ENOMEM')
    begin_again(c)
    c.apply([host_policy('r', ingress=[{'toPorts': ports(80)}])])
    expect_condition(c, 'False', 'NodeNotGuarded')
    expect(True, node.status()['host']['state'] == 'tried', 'it is wanted')
    refuse.set()
    node.wrapper = []
    begin_again(c)
    c.apply([])
    expect_condition(c, 'True', 'Enforcing')


def granted(component):
    path = os.path.join(TOP, 'tools', 'kubernetes', component, 'rbac.yaml')
    with open(path, encoding='utf-8') as f:
        role = next(d for d in yaml.safe_load_all(f)
                    if d['kind'] == 'ClusterRole')
    return {(resource, verb) for rule in role['rules']
            for resource in rule['resources'] for verb in rule['verbs']}


@test
def the_rights_of_the_manifests_are_those_that_are_used(c):
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_told(c, 'the policy')
    drop_some(c, 2)
    wait_for('a series', lambda: series(c) > 1, 60)
    used = {('nodes/status' if w['path'] == NODE else 'events',
             {'POST': 'create', 'PATCH': 'patch'}[w['method']])
            for w in c.writes()}
    expect(granted('report-node') | granted('report-events'), used, 'rights')


@test
def without_the_right_the_agent_says_so_and_enforces(c):
    c.server.fault(NODE, 'write', '403', 1 << 30)
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    wait_for('it is told', lambda: 'HTTP 403' in (c.only_node.status()[
        'reports']['error'] or ''), 60)
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'allowed now')
    out = c.only_node.warder('status')[1]
    if 'HTTP 403: ' + NODE not in out:
        raise Fail('status does not tell:', out)


if __name__ == '__main__':
    sys.exit(main(Telling.with_three, TESTS, sys.argv))

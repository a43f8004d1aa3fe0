#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Pods of another cluster: which policies mean them, what that cluster may say
and what becomes of them when it is slow, lies or is gone.
"""
import functools
import json
import os
import sys

from wdnet import kernel
from wdnet.kube import ApiServer, KubeSolo, kubeconfig
from wdnet.prober import Handle
from wdnet.solo import expect_reach, ingress_policy, wait_for
from wdnet.suite import main
from wdnet.tap import Fail, expect

CLUSTER = 'io.cilium.k8s.policy.cluster'
FAR, GATE, NODE_W = '10.9.0.5', '10.9.0.1', '192.168.99.2'
CILIUM = ['/apis/cilium.io/v2/ciliumnodes',
          '/apis/cilium.io/v2/ciliumidentities',
          '/apis/cilium.io/v2alpha1/ciliumendpointslices',
          '/apis/cilium.io/v2/ciliumendpoints']
TESTS = []


def pod(name='far', ip=FAR, app='ok', ns='shop', node='node-a', **meta):
    return {'apiVersion': 'v1', 'kind': 'Pod',
            'metadata': {'name': name, 'namespace': ns,
                         'labels': {'app': app}, **meta},
            'spec': {'nodeName': node, 'containers': [
                {'name': 'c', 'ports': [{'name': 'http',
                                         'containerPort': 22}]}]},
            'status': {'phase': 'Running', 'podIP': ip}}


def space(name='shop', **labels):
    return {'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {
        'name': name, 'labels': labels,
        'annotations': {'warder.io/mode': 'off'}}}


def policy(*endpoints, subject='srv', ns='shop', **spec):
    kind = 'CiliumNetworkPolicy' if ns else 'CiliumClusterwideNetworkPolicy'
    return {'apiVersion': 'cilium.io/v2', 'kind': kind,
            'metadata': {'name': 'mesh', **({'namespace': ns} if ns else {})},
            'spec': {'endpointSelector': {'matchLabels': {'app': subject}},
                     'ingress': [{'fromEndpoints': [
                         {'matchLabels': labels} for labels in endpoints]}],
                     **spec}}


class Mesh(KubeSolo):
    """A node, and behind a wire of its own a pod of the cluster `west`."""

    def __init__(self):
        self.far = self.west = self.east = None
        super().__init__()

    def start_agents(self, *args):
        node = self.only_node
        self.far = Handle('far')
        inside = kernel.Namespace(self.far.pid, False)
        node.ns.ip(
            f'link add far0 type veth peer name eth0 netns {self.far.pid}',
            f'addr add {GATE}/24 dev far0', 'link set far0 up')
        inside.ip('link set lo up', 'link set eth0 up',
                  f'addr add {FAR}/24 dev eth0',
                  f'route add default via {GATE}')
        self.west, self.east = ApiServer(node.ns), ApiServer(node.ns)
        for server in (self.west, self.east):
            server.ask('kinds', absent=CILIUM)
        self.west_put(space(team='west'), pod())
        where = kubeconfig(os.path.join(self.dir, 'west'),
                           f'http://127.0.0.1:{self.west.port}')
        super().start_agents('--cluster', f'west={where}',
                             '--cluster-name', 'home', *args)

    def west_put(self, *objects):
        for obj in objects:
            self.west.ask('put', object=json.loads(json.dumps(obj)))

    def west_del(self, *objects):
        for obj in objects:
            self.west.ask('del', object=obj)

    def cluster(self):
        return next(s for s in self.only_node.status()['sources']
                    if s['type'] == 'cluster')

    def settled(self):
        """Until all that west has said is in force."""
        owed = {p.rpartition('/')[2]: v for p, v in self.west.versions.items()
                if p not in self.west.gone}

        def heard():
            for k in self.cluster()['kinds']:
                plural = k['kind'].lower()
                plural = plural[:-1] + 'ies' if plural.endswith('y') else \
                    plural + 's'
                if int(k['version'] or 0) < owed.get(plural, 0):
                    return False
            return True
        wait_for('west is heard', heard, 60)
        super().sync()

    def close(self):
        if self.far:
            self.far.close()
        for server in (self.west, self.east):
            if server:
                server.close()
        super().close()


def test(function):
    @functools.wraps(function)
    def run(c):
        try:
            function(c)
        finally:
            c.west.ask('calm')
            c.server.ask('calm')
            c.apply([])
    TESTS.append(run)
    return run


def expect_far(want, c, what):
    got = bool(c.far.ask('probe', timeout=3.0 if want else 0.7, targets=[
        ['tcp', None, c.pod('shop/srv').ips[4], 80]])['answers'][0])
    if got != want:
        raise Fail(f'{what}: the pod of west '
                   f'{"does not reach" if want else "reaches"} srv')


def whose(c, ip=FAR):
    code, out, _ = c.only_node.warder('identity', 'get', ip, '--json',
                                      ok=None)
    return json.loads(out).get('namespace') if code == 0 else None


def problems(c, of='cluster:west'):
    return [p['text'] for p in c.only_node.status()['problems']
            if p['file'] == of]


@test
def what_names_no_cluster_means_this_one_alone(c):
    c.settled()
    expect('west/shop', whose(c), 'whose address')
    out = c.only_node.warder('endpoint', 'list', '--json')[1]
    expect(False, 'west/shop' in out, 'a device here is a pod of west')
    text = c.only_node.warder('metrics')[1]
    for line in ('warder_cluster_heard{cluster="west"} 1',
                 'warder_cluster_pods{cluster="west"} 1'):
        expect(True, line in text, line)
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'of this cluster')
    expect_far(False, c, 'a NetworkPolicy')
    everywhere = ingress_policy('srv', 'srv', 'ok')
    everywhere['spec']['ingress'][0]['from'][0]['namespaceSelector'] = {}
    c.apply([everywhere])
    expect_far(False, c, 'a NetworkPolicy for every namespace')
    c.apply([policy({'app': 'ok'})])
    expect_far(False, c, 'a Cilium policy')
    c.apply([policy({'app': 'ok'}, ns=None)])
    expect_far(False, c, 'a policy for the whole cluster')
    c.apply([policy({'app': 'ok', CLUSTER: 'home'})])
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'home')
    expect_far(False, c, 'home')
    entity = policy()
    entity['spec']['ingress'] = [{'fromEntities': ['cluster']}]
    c.apply([entity])
    expect_far(False, c, 'the entity cluster')


@test
def what_names_a_cluster_means_its_pods(c):
    named = {'app': 'ok', CLUSTER: 'west'}
    c.apply([policy(named)])
    expect_far(True, c, 'named')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/srv'), 'of this one')
    code, out, _ = c.only_node.warder('why', 'west/shop/far', 'shop/srv:80',
                                      '--json', ok=None)
    expect((0, 'allow'), (code, json.loads(out)['verdict']), 'why')
    c.west_put(pod(app='bad'))
    c.settled()
    expect_far(False, c, 'other labels')
    c.west_put(pod())
    c.settled()
    expect_far(True, c, 'its labels again')


@test
def a_cluster_alone_means_the_policys_namespace_there(c):
    c.west_put(pod(ns='other', name='far2', ip='10.9.0.9'))
    c.apply([policy({CLUSTER: 'west'})])
    expect_far(True, c, 'the same namespace')
    c.west_put(pod(ns='other'))
    c.west_del(pod())
    c.settled()
    expect('west/other', whose(c), 'whose address')
    expect_far(False, c, 'another namespace')
    c.apply([policy({CLUSTER: 'west', 'io.kubernetes.pod.namespace': 'other'})])
    expect_far(True, c, 'that namespace')
    c.west_put(pod())
    c.west_del(pod(ns='other'), pod(ns='other', name='far2'))
    c.settled()


@test
def labels_of_a_namespace_are_of_its_own_cluster(c):
    by_label = {CLUSTER: 'west', 'io.cilium.k8s.namespace.labels.team': 'west'}
    c.apply([policy(by_label)])
    expect_far(True, c, 'its label there')
    c.west_put(space(team='other'))
    c.settled()
    expect_far(False, c, 'another label there')
    by_label['io.cilium.k8s.namespace.labels.team'] = 'shop'
    c.apply([policy(by_label)])
    expect_far(False, c, 'the label here')
    c.west_put(space(team='west'))
    c.settled()


@test
def any_cluster_and_all_but_one_can_be_meant(c):
    def where(operator, *values):
        obj = policy()
        obj['spec']['ingress'] = [{'fromEndpoints': [{
            'matchLabels': {'app': 'ok'}, 'matchExpressions': [
                {'key': CLUSTER, 'operator': operator,
                 **({'values': values} if values else {})}]}]}]
        return obj
    for obj, here, there in (
            (where('Exists'), True, True),
            (where('In', 'home', 'west'), True, True),
            (where('NotIn', 'west'), True, False),
            (where('NotIn', 'home'), False, True)):
        c.apply([obj])
        what = json.dumps(obj['spec']['ingress'])
        expect_reach(here, c.pod('shop/ok'), c.pod('shop/srv'), what)
        expect_far(there, c, what)


@test
def a_cluster_that_nobody_knows_is_told_and_allows_nothing(c):
    c.apply([policy({'app': 'ok', CLUSTER: 'east'})])
    found = [p for p in c.only_node.status()['problems']
             if p['object'] == 'CiliumNetworkPolicy/shop/mesh']
    expect(['isolated'], [p['effect'] for p in found], 'problems')
    if "this one is 'home'" not in found[0]['text']:
        raise Fail(found[0]['text'])
    expect_far(False, c, 'east')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/srv'), 'east')


@test
def a_lie_about_this_clusters_addresses_changes_nothing(c):
    ok, srv = c.pod('shop/ok'), c.pod('shop/srv')
    node = c.only_node.ips[4]
    lies = [pod('as-bad', c.pod('shop/bad').ips[4]), pod('as-srv', srv.ips[4]),
            pod('as-node', node), pod('as-gate', GATE)]
    c.west_put(*lies)
    try:
        c.settled()
        c.apply([policy({CLUSTER: 'west'})])
        expect('shop', whose(c, srv.ips[4]), 'a pod of this cluster')
        for ip in (node, GATE):
            expect(False, (whose(c, ip) or '').startswith('west'), ip)
        expect_reach(False, c.pod('shop/bad'), srv, 'a pod of this cluster')
        c.apply([policy({'app': 'ok'})])
        expect_reach(True, ok, srv, 'what is allowed here')
    finally:
        c.west_del(*lies)
        c.settled()


@test
def an_address_where_this_clusters_pods_are_to_be_is_no_others(c):
    c.apply([policy({CLUSTER: 'west'})])
    expect_far(True, c, 'before')
    node = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'node-b'},
            'spec': {'podCIDRs': ['10.9.0.0/24']}}
    c.server.ask('put', object=node)
    try:
        c.sync()
        expect_far(False, c, 'in the range of a node here')
        expect(None, whose(c), 'whose address')
    finally:
        c.server.ask('del', object=node)
        c.sync()
    expect_far(True, c, 'after')


@test
def policies_modes_and_services_of_another_cluster_are_not_asked_for(c):
    asked = {path for path, _ in c.west.ask('requests')['requests']}
    expect({'namespaces', 'pods', 'nodes', 'ciliumnodes', 'ciliumidentities',
            'ciliumendpointslices', 'ciliumendpoints'},
           {path.rpartition('/')[2] for path in asked
            if 'customresourcedefinitions' not in path}, 'collections')
    c.apply([ingress_policy('srv', 'srv', 'ok')])
    expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'),
                 'though west says warder.io/mode: off of its shop')


@test
def what_two_others_claim_is_neithers(c):
    where = kubeconfig(os.path.join(c.dir, 'east'),
                       f'http://127.0.0.1:{c.east.port}')
    c.apply([policy({CLUSTER: 'west'})])
    args = c.only_node.agent_args
    c.only_node.stop_agent()
    try:
        c.only_node.start_agent(*args, '--cluster', f'east={where}')
        c.east.ask('put', object=pod(name='east'))
        wait_for('east is heard too', lambda: whose(c) is None)
        expect_far(False, c, 'claimed by both')
        c.east.ask('del', object=pod(name='east'))
        wait_for('east lets go', lambda: whose(c) == 'west/shop')
        expect_far(True, c, 'claimed by west')
    finally:
        c.only_node.stop_agent()
        c.only_node.start_agent(*args)


@test
def one_that_takes_all_leaves_others_their_share(c):
    where = kubeconfig(os.path.join(c.dir, 'east'),
                       f'http://127.0.0.1:{c.east.port}')
    c.apply([policy({'app': 'ok', CLUSTER: 'east'})])
    args = c.only_node.agent_args
    c.only_node.stop_agent()
    many = [pod(f'many{n}', f'100.64.{n}.1') for n in range(70)]
    for n, obj in enumerate(many):
        obj['status']['podIPs'] = [
            {'ip': f'100.{64 + n // 64}.{n % 64 * 4 + i // 256}.{i % 256}'}
            for i in range(1000)]
    c.west_put(*many)
    c.west_del(pod())
    try:
        c.only_node.start_agent(*args, '--cluster', f'east={where}')
        wait_for('west has no room', lambda: c.cluster()['left_out'], 60)
        # of 65,536: half, and half of the other half
        expect(70 - 49, c.cluster()['left_out'], 'left out')
        c.east.ask('put', object=pod())
        wait_for('east has', lambda: whose(c) == 'east/shop', 60)
        expect_far(True, c, 'of east')
        c.west_del(*many)
        wait_for('west has again', lambda: not c.cluster()['left_out'], 60)
    finally:
        c.east.ask('del', object=pod())
        c.west_del(*many)
        c.west_put(pod())
        c.only_node.stop_agent()
        c.only_node.start_agent(*args)


@test
def addresses_of_hosts_and_links_are_refused_and_told(c):
    odd = [pod('odd', '127.0.0.1'), pod('meta', '169.254.169.254')]
    c.west_put(*odd)
    try:
        c.settled()
        expect(2, c.cluster()['refused_addresses'], 'refused')
        expect(None, whose(c, '169.254.169.254'), 'whose address')
        expect(1, len(problems(c)), 'problems')
    finally:
        c.west_del(*odd)
    c.settled()
    expect([], problems(c), 'problems')


@test
def ports_that_another_cluster_names_widen_no_rule(c):
    c.apply([policy(subject='none'), {
        'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
        'metadata': {'name': 'out', 'namespace': 'shop'},
        'spec': {'podSelector': {'matchLabels': {'app': 'ok'}},
                 'policyTypes': ['Egress'],
                 'egress': [{'ports': [{'port': 'http'}]}]}}])
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'http is 80')
    for to, want in (('shop/srv', 1), (FAR, 1)):
        code, _, _ = c.only_node.warder('why', 'shop/ok', f'{to}:22', ok=None)
        expect(want, code, f'{to}:22')


@test
def one_that_is_lost_stays_and_is_told_of(c):
    c.apply([policy({'app': 'ok', CLUSTER: 'west'})])
    expect_far(True, c, 'heard')
    for on in ('list', 'watch'):
        c.west.fault('*', on, '503', 1 << 30)
    c.west.ask('cut')
    wait_for('its loss is told', lambda: c.cluster()['error'], 60)
    if 'not heard' not in ' '.join(problems(c)):
        raise Fail(f'problems: {problems(c)}')
    expect(True, c.cluster()['known'], 'known')
    expect_far(True, c, 'lost')
    c.only_node.stop_agent()
    c.only_node.start_agent()
    expect_far(True, c, 'lost, and the agent started anew')
    expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'as before')
    c.west.ask('calm')
    wait_for('it is heard again', lambda: not c.cluster()['error'], 90)
    expect_far(True, c, 'heard again')


@test
def one_that_never_answers_holds_nothing_up(c):
    c.apply([ingress_policy('srv', 'srv', 'ok'),
             policy({'app': 'ok', CLUSTER: 'west'})])
    for on in ('list', 'watch'):
        c.west.fault('*', on, 'mute', 1 << 30)
    c.only_node.stop_agent()
    folder = os.path.join(c.only_node.dir, 'state', 'cluster-west', 'kube')
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    c.only_node.start_agent()
    expect(False, c.cluster()['known'], 'known')
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/srv'), 'this cluster')
    expect_far(False, c, 'not known yet')
    if 'not known yet' not in ' '.join(problems(c)):
        raise Fail(f'problems: {problems(c)}')
    c.west.ask('calm')
    wait_for('it is known', lambda: c.cluster()['known'], 90)
    c.settled()
    expect_far(True, c, 'known')


@test
def a_kubeconfig_that_cannot_be_used_is_told_and_tried_again(c):
    where = os.path.join(c.dir, 'west')
    os.rename(where, where + '.away')
    c.only_node.stop_agent()
    try:
        c.only_node.start_agent()
        expect(True, 'west' in c.cluster()['error'], 'error')
        expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'srv') \
            if c.policies else None
    finally:
        os.rename(where + '.away', where)
    wait_for('it is followed', lambda: c.cluster()['known'], 60)


@test
def pods_are_known_by_cilium_where_it_tells_of_them(c):
    labels = {'k8s:app': 'ok', 'k8s:io.kubernetes.pod.namespace': 'shop',
              'k8s:io.cilium.k8s.policy.cluster': 'west'}
    told = [
        {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'node-a'},
         'status': {'addresses': [{'type': 'InternalIP', 'address': NODE_W}]}},
        {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumIdentity',
         'metadata': {'name': '70001'}, 'security-labels': labels},
        {'apiVersion': 'cilium.io/v2alpha1', 'kind': 'CiliumEndpointSlice',
         'metadata': {'name': 'one'}, 'namespace': 'shop', 'endpoints': [
             {'name': 'far', 'id': 70001, 'networking': {
                 'node': NODE_W, 'addressing': [{'ipv4': FAR}]}}]}]
    c.west_put(*told)
    c.west_del(pod())
    c.west.ask('kinds', absent=CILIUM[:1])
    c.only_node.stop_agent()
    c.only_node.start_agent()
    c.apply([policy({'app': 'ok', CLUSTER: 'west'})])
    wait_for('Pods are not asked for', lambda: 'unused' in [
        k['state'] for k in c.cluster()['kinds'] if k['kind'] == 'Pod'], 60)
    wait_for('it is known', lambda: whose(c) == 'west/shop')
    expect_far(True, c, 'by its slice')
    expect([], problems(c), 'problems')


if __name__ == '__main__':
    sys.exit(main(Mesh.with_three, TESTS, sys.argv))

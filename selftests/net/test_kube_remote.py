#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Pods of other nodes by CiliumIdentity and CiliumEndpointSlice, else
CiliumEndpoint: packets from such an address meet the policy of its labels.
"""
import functools
import json
import os
import shutil
import signal
import sys

from wdnet import kernel
from wdnet.kube import KubeSolo
from wdnet.prober import Handle
from wdnet.solo import expect_reach, ingress_policy, wait_for
from wdnet.suite import main
from wdnet.tap import Fail, expect

IDENTITIES = '/apis/cilium.io/v2/ciliumidentities'
SLICES = '/apis/cilium.io/v2alpha1/ciliumendpointslices'
ENDPOINTS = '/apis/cilium.io/v2/ciliumendpoints'
FAR, GATE, NODE_B = '10.9.0.5', '10.9.0.1', '192.168.77.2'
OK, BAD = 40001, 40002
TESTS = []


def identity(number, app, ns='shop'):
    return {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumIdentity',
            'metadata': {'name': str(number)}, 'security-labels': {
                'k8s:app': app, 'k8s:io.kubernetes.pod.namespace': ns,
                'k8s:io.cilium.k8s.policy.cluster': 'default',
                'k8s:io.cilium.k8s.policy.serviceaccount': 'default',
                'k8s:io.cilium.k8s.namespace.labels.team': 'shop'}}


def networking(ip=FAR):
    return {'node': NODE_B, 'addressing': [{'ipv4': ip}]}


def slice_of(name, *members):
    return {'apiVersion': 'cilium.io/v2alpha1', 'kind': 'CiliumEndpointSlice',
            'metadata': {'name': name}, 'namespace': 'shop', 'endpoints': [
                {'name': pod, 'id': number, 'networking': networking(ip),
                 'named-ports': [{'name': 'web', 'port': 80,
                                  'protocol': 'TCP'}]}
                for pod, number, ip in members]}


def endpoint(name, number, ip=FAR):
    return {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumEndpoint',
            'metadata': {'name': name, 'namespace': 'shop'}, 'status': {
                'id': 17, 'state': 'ready', 'networking': networking(ip),
                'identity': {'id': number, 'labels': ['k8s:app=far']}}}


class Remote(KubeSolo):
    """A node, and behind a wire of its own a pod that is another node's."""

    def __init__(self):
        self.cilium = [identity(OK, 'ok'), identity(BAD, 'bad'),
                       slice_of('one', ('far', OK, FAR))]
        self.far = None
        super().__init__()

    def start_agents(self, *args):
        self.far = Handle('far')
        space = kernel.Namespace(self.far.pid, False)
        self.only_node.ns.ip(
            f'link add far0 type veth peer name eth0 netns {self.far.pid}',
            f'addr add {GATE}/24 dev far0', 'link set far0 up')
        space.ip('link set lo up', 'link set eth0 up',
                 f'addr add {FAR}/24 dev eth0',
                 f'route add default via {GATE}')
        super().start_agents('--cilium-objects', *args)

    def kept_of_disk(self, plural):
        """What the agent has on disk of a kind, as text."""
        folder = os.path.join(self.only_node.dir, 'state', 'kube')
        text = ''
        for name in os.listdir(folder):
            if not name.endswith(plural):  # what is being written comes and goes
                continue
            with open(os.path.join(folder, name), encoding='utf-8') as f:
                text += f.read()
        return text

    def base_objects(self):
        node = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {
            'name': 'node-b'}, 'status': {'addresses': [
                {'type': 'InternalIP', 'address': NODE_B}]}}
        return super().base_objects() + [node] + self.cilium

    def restart(self):
        self.only_node.stop_agent()
        self.only_node.start_agent()

    def close(self):
        if self.far:
            self.far.close()
        super().close()


def test(function):
    @functools.wraps(function)
    def run(c):
        try:
            function(c)
        finally:
            c.server.ask('calm')
            c.server.ask('kinds', absent=c.absent)
    TESTS.append(run)
    return run


def remote():
    c = Remote()
    try:
        c.three()
        c.restart()  # now the server has something to tell
    except BaseException:
        c.close()
        raise
    return c


def base(c, *cilium):
    c.cilium = [identity(OK, 'ok'), identity(BAD, 'bad'),
                *(cilium or [slice_of('one', ('far', OK, FAR))])]
    c.apply([ingress_policy('srv', 'srv', 'ok')])


def answers(c, timeout):
    srv = c.pod('shop/srv')
    return bool(c.far.ask('probe', timeout=timeout, targets=[
        ['tcp', None, srv.ips[4], 80]])['answers'][0])


def expect_far(want, c, what):
    if answers(c, 3.0 if want else 0.7) != want:
        raise Fail(f'{what}: the pod of the other node '
                   f'{"does not reach" if want else "reaches"} srv')


def who(c, ip=FAR):
    code, out, _ = c.only_node.warder('identity', 'get', ip, '--json',
                                      ok=None)
    return json.loads(out)['id'] if code == 0 else None


@test
def a_pod_of_a_slice_is_judged_by_the_labels_of_its_number(c):
    base(c)
    expect_far(True, c, 'labelled ok')
    expect(OK, who(c), 'identity')
    c.cilium[-1] = slice_of('one', ('far', BAD, FAR))
    c.apply()
    expect_far(False, c, 'labelled bad')
    expect(BAD, who(c), 'identity')


@test
def pods_are_asked_for_of_this_node_alone(c):
    base(c)
    expect(True, c.kind('Pod')['this_node_only'], 'pods')
    expect('unused', c.kind('CiliumEndpoint')['state'], 'endpoints')
    other = {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {
        'name': 'far', 'namespace': 'shop', 'labels': {'app': 'bad'}},
        'spec': {'nodeName': 'node-b', 'containers': []},
        'status': {'podIP': FAR, 'phase': 'Running'}}
    c.server.ask('put', object=other)
    c.sync()
    expect_far(True, c, 'by its slice')
    c.server.ask('del', object=other)


@test
def without_the_option_all_pods_are_asked_for(c):
    base(c)
    wait_for('the slice is on disk', lambda:
             'far' in c.kept_of_disk('ciliumendpointslices'))
    c.only_node.stop_agent()
    try:
        c.only_node.start_agent('--kubeconfig', c.config)
        expect(False, c.kind('Pod')['this_node_only'], 'pods')
        for name in ('CiliumIdentity', 'CiliumEndpointSlice',
                     'CiliumEndpoint'):
            expect('unused', c.kind(name)['state'], name)
        wait_for('what the disk had is gone', lambda: who(c) not in (OK, BAD))
        expect_far(False, c, 'no Pod has that address')
        wait_for('from the disk, too', lambda:
                 'far' not in c.kept_of_disk('ciliumendpointslices'))
    finally:
        c.only_node.stop_agent()
        c.only_node.start_agent('--kubeconfig', c.config, '--cilium-objects')
    wait_for('pods of this node', lambda: c.kind('Pod')['this_node_only'], 60)
    wait_for('it is known again', lambda: who(c) == OK)
    expect_far(True, c, 'with it again')


@test
def a_thousand_named_ports_and_more_are_refused(c):
    base(c)
    many = slice_of('one', ('far', BAD, FAR))
    many['endpoints'][0]['named-ports'] = [
        {'name': f'p{i}', 'port': i + 1, 'protocol': 'TCP'}
        for i in range(1025)]
    c.cilium[-1] = many
    c.apply()
    expect_far(True, c, 'as it was')
    expect(['endpoints[0].named-ports'],
           [p['field'] for p in c.only_node.status()['problems']
            if p['object'] == 'CiliumEndpointSlice/one'], 'field')
    many['endpoints'][0]['named-ports'].pop()
    many['endpoints'][0]['named-ports'][7] = {
        'name': 'p8', 'port': 9, 'protocol': 'TCP'}  # twice
    c.cilium[-1] = json.loads(json.dumps(many))
    c.apply()
    expect_far(False, c, 'a thousand and twenty-four')


# Until here nothing takes far0 for the device of a pod of this node.

def pod_of(name, ip, app='ok'):
    return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {
        'name': name, 'namespace': 'shop', 'labels': {'app': app}},
        'spec': {'nodeName': 'node-b', 'containers': []},
        'status': {'podIP': ip, 'phase': 'Running'}}


def node_only(c):
    return c.kind('Pod')['this_node_only'] and \
        c.kind('Pod')['state'] == 'watching'


@test
def slices_that_are_gone_for_good_give_way_to_pods(c):
    pod = pod_of('far', FAR)
    base(c)
    wait_for('pods of this node', lambda: node_only(c), 60)
    c.server.ask('put', object=pod)
    try:
        c.server.ask('kinds', absent=[SLICES, *c.absent])
        while c.kind('Pod')['this_node_only']:
            expect_far(True, c, 'by its slice, which is held')
        wait_for('all pods', lambda: c.kind('Pod')['state'] == 'watching' and
                 c.only_node.status()['objects']['Pod'] == 4, 60)
        expect_far(True, c, 'by its Pod')
        c.server.ask('put', object=pod_of('far', FAR, 'bad'))
        wait_for('its Pod tells', lambda: not answers(c, 0.7))
        c.server.ask('put', object=pod)
        c.server.ask('kinds', absent=c.absent)
        wait_for('pods of this node', lambda: node_only(c), 120)
        expect_far(True, c, 'by its slice')
    finally:
        c.server.ask('del', object=pod)


def bookmarks(c, more):
    """Each is a time at which it is looked who tells of all pods."""
    for _ in range(more):
        before = c.kind('CiliumEndpointSlice')['version']
        c.server.ask('compact', path='/api/v1/services')  # it has a version
        wait_for('a bookmark', lambda was=before:
                 c.kind('CiliumEndpointSlice')['version'] != was, 60)


@test
def slices_that_come_late_count_when_they_tell_of_all_pods(c):
    pods = pod_of('far', FAR), pod_of('more', '10.9.0.6')
    for pod in pods:
        c.server.ask('put', object=pod)
    try:
        base(c, slice_of('one'))
        c.server.ask('del', object=c.cilium[-1])
        c.restart()
        wait_for('all pods', lambda: c.kind('Pod')['state'] == 'watching' and
                 not c.kind('Pod')['this_node_only'], 60)
        c.cilium[-1] = slice_of('one', ('far', OK, FAR))
        c.apply()
        bookmarks(c, 3)
        expect(False, c.kind('Pod')['this_node_only'], 'one pod is in none')
        c.cilium[-1] = slice_of('one', ('far', OK, FAR),
                                ('more', BAD, '10.9.0.6'))
        c.apply()
        wait_for('pods of this node', lambda: node_only(c), 120)
        expect_far(True, c, 'by its slice')
        wait_for('its number', lambda: who(c, '10.9.0.6') == BAD)
    finally:
        for pod in pods:
            c.server.ask('del', object=pod)


@test
def pods_of_this_node_are_asked_for_before_cilium_answers(c):
    base(c)
    node = c.only_node
    node.stop_agent()
    shutil.rmtree(os.path.join(node.dir, 'state', 'kube'))
    c.server.fault(IDENTITIES, 'list', 'mute')
    before = len(c.server.ask('requests')['requests'])
    node.start_agent(wait=False)

    def asked():
        return [query for path, query in
                c.server.ask('requests')['requests'][before:]
                if path == '/api/v1/pods']
    wait_for('a watch of them', lambda: any('watch' in q for q in asked()), 60)
    expect({'spec.nodeName=node-a'},
           {q.get('fieldSelector') for q in asked()}, 'what was asked')
    code, _, err = node.warder('status', ok=None)
    expect((3, True), (code, 'are not known yet' in err), 'status')
    c.server.ask('calm')
    node.wait_ready()
    expect_far(True, c, 'by its slice')


@test
def a_pod_whose_node_nobody_knows_is_nobody(c):
    base(c)
    c.cilium[-1]['endpoints'][0]['networking']['node'] = '192.168.77.9'
    c.cilium[-1] = json.loads(json.dumps(c.cilium[-1]))
    c.apply()
    wait_for('it goes', lambda: who(c) not in (OK, BAD))
    expect_far(False, c, 'it may be this one\'s')
    base(c)
    c.apply()
    expect_far(True, c, 'its node is known')


@test
def an_address_that_two_nodes_have_is_no_ones_and_the_pod_stays(c):
    base(c)
    c.cilium.append({'apiVersion': 'v1', 'kind': 'Node', 'metadata': {
        'name': c.only_node.name + '-other'}, 'status': {'addresses': [
            {'type': 'InternalIP', 'address': NODE_B}]}})
    c.apply()
    expect_far(True, c, 'two nodes have its node\'s address')
    if 'have one address' not in c.only_node.log_tail(200):
        raise Fail('the log does not tell')
    c.cilium.pop()
    c.apply()


@test
def an_address_of_a_node_is_no_pods(c):
    base(c, slice_of('one', ('far', OK, FAR), ('sly', OK, NODE_B)))
    expect_far(True, c, 'the other pod of that slice')
    out = json.loads(c.only_node.warder('identity', 'get', NODE_B,
                                        '--json')[1])
    expect(False, out['id'] == OK, 'the node is a pod')


@test
def an_account_that_is_left_out_is_not_made_up(c):
    base(c)
    labels = c.cilium[0]['security-labels']
    del labels['k8s:io.cilium.k8s.policy.serviceaccount']
    c.apply()

    def shown():
        out = c.only_node.warder('identity', 'get', FAR, '--json')[1]
        return 'serviceaccount' not in out and '"ok"' in out
    wait_for('no account', shown)


@test
def a_veth_left_over_is_not_the_new_pod_of_its_name(c):
    base(c)
    pod = next(o for o in c.base_objects() if o['kind'] == 'Pod' and
               o['metadata']['name'] == 'bad')
    expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'as it is')
    c.server.ask('del', object=pod)
    c.cilium.append(slice_of('two', ('bad', OK, '10.9.0.77')))
    try:
        c.apply()
        wait_for('the new one is known', lambda: who(c, '10.9.0.77') == OK)
        expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'),
                     'labels of the new one')
    finally:
        c.cilium.pop()
        c.server.ask('put', object=pod)
        c.apply()


@test
def a_local_pod_has_the_number_that_cilium_gave_it(c):
    base(c, slice_of('one', ('far', OK, FAR), ('ok', OK, '10.1.0.11')))
    ok = c.pod('shop/ok')

    def shown():
        out = c.only_node.warder('endpoint', 'get', 'shop/ok', '--json')[1]
        return OK in (json.loads(out).get('identity'),
                      (json.loads(out).get('identity') or {}).get('id')
                      if isinstance(json.loads(out).get('identity'), dict)
                      else None)
    wait_for(f'{ok.key} is {OK}', shown)


@test
def whose_identity_is_not_known_is_nobody(c):
    base(c, slice_of('one', ('far', 50001, FAR)))
    expect_far(False, c, 'no such identity')
    c.cilium.append(identity(50001, 'ok'))
    c.apply()
    expect_far(True, c, 'it came')
    c.cilium.pop()
    c.apply()
    expect_far(True, c, 'the object of its number is gone, it is not')
    c.cilium[-1] = slice_of('one', ('far', 50002, FAR))
    c.apply()
    expect_far(False, c, 'another number')


@test
def labels_of_another_namespace_are_not_a_pods(c):
    base(c, slice_of('one', ('far', 50003, FAR)),
         identity(50003, 'ok', ns='elsewhere'))
    expect_far(False, c, 'its identity is of another namespace')


@test
def a_pod_that_moves_between_slices_stays(c):
    base(c)
    c.cilium.append(slice_of('two', ('far', OK, FAR)))
    c.apply()
    c.cilium[-2] = slice_of('one')
    c.apply()
    expect_far(True, c, 'in the other slice')
    c.cilium.pop()
    c.apply()
    wait_for('it goes', lambda: who(c) not in (OK, BAD))
    expect_far(False, c, 'in no slice')


@test
def a_slice_that_cannot_be_read_stays_as_it_was(c):
    base(c)
    c.cilium[-1] = slice_of('one', ('far', OK, '10.9.0.5.6'))
    c.apply()
    expect_far(True, c, 'as it was')
    found = [p for p in c.only_node.status()['problems']
             if p['object'] == 'CiliumEndpointSlice/one']
    expect(['endpoints[0].networking.addressing[0].ipv4'],
           [p['field'] for p in found], 'field')


@test
def slices_that_vanish_as_a_kind_are_held(c):
    base(c)
    c.server.ask('kinds', absent=[SLICES, *c.absent])
    c.server.ask('cut')
    wait_for('it is held', lambda:
             c.kind('CiliumEndpointSlice')['state'] == 'held', 60)
    expect_far(True, c, 'held')
    c.server.ask('kinds', absent=c.absent)
    wait_for('it is back', lambda:
             c.kind('CiliumEndpointSlice')['state'] == 'watching', 60)
    base(c)
    wait_for('pods of this node', lambda: node_only(c), 120)
    expect_far(True, c, 'back')


@test
def without_the_server_the_next_start_knows_them(c):
    base(c)
    for on in ('list', 'watch'):
        c.server.fault('*', on, '503', 1 << 30)
    c.only_node.warder('stop', '--detach')
    c.only_node.agent.wait(30)
    c.only_node.agent = None
    c.only_node.start_agent()
    expect(True, c.kind('CiliumEndpointSlice')['kept'], 'of the disk')
    expect_far(True, c, 'by what the disk had')
    expect(OK, who(c), 'identity')
    c.server.ask('calm')
    base(c)
    expect_far(True, c, 'by the server')


@test
def endpoints_tell_where_there_are_no_slices(c):
    base(c, endpoint('far', OK))
    c.server.ask('kinds', absent=[SLICES, *c.absent])
    c.restart()
    wait_for('pods of this node', lambda: c.kind('Pod')['this_node_only'], 60)
    state = c.kind('CiliumEndpointSlice')['state']
    expect(True, state in ('held', 'absent'), f'slices are {state}')
    c.apply()
    expect_far(True, c, 'by its endpoint')
    c.cilium[-1] = endpoint('far', BAD)
    c.apply()
    expect_far(False, c, 'labelled bad')
    c.cilium.pop()
    c.apply()
    wait_for('it goes', lambda: who(c) not in (OK, BAD))


@test
def endpoints_of_the_disk_do_not_outlive_slices_that_are_there(c):
    base(c, endpoint('far', BAD))
    c.server.ask('kinds', absent=[SLICES, *c.absent])
    c.restart()
    wait_for('pods of this node', lambda: c.kind('Pod')['this_node_only'], 60)
    c.apply()
    expect_far(False, c, 'by its endpoint')
    wait_for('it is on disk', lambda:
             'far' in c.kept_of_disk('ciliumendpoints'))
    c.server.ask('kinds', absent=c.absent)
    base(c)
    c.only_node.stop_agent()
    c.write_objects()
    c.only_node.start_agent()
    wait_for('endpoints are not asked for', lambda:
             c.kind('CiliumEndpoint')['state'] == 'unused', 60)
    wait_for('it is the slice that counts', lambda: who(c) == OK)
    expect_far(True, c, 'by its slice')
    wait_for('not on disk', lambda:
             'far' not in c.kept_of_disk('ciliumendpoints'))


@test
def who_may_not_ask_for_them_asks_for_all_pods(c):
    base(c)
    for path in (IDENTITIES, SLICES, ENDPOINTS):
        c.server.fault(path, 'list', '403', 1 << 30)
    c.only_node.stop_agent(signal.SIGKILL)
    c.only_node.start_agent()
    wait_for('all pods', lambda: c.kind('Pod')['state'] == 'watching', 60)
    expect(False, c.kind('Pod')['this_node_only'], 'pods')
    if 'HTTP 403' not in c.kind('CiliumEndpointSlice')['error']:
        raise Fail('status does not tell')


if __name__ == '__main__':
    sys.exit(main(remote, TESTS, sys.argv))

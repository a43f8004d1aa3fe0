#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A real API server as the source of objects, with the rights and manifests
that are shipped, and what people do with kubectl.

KUBE_APISERVER, ETCD and KUBECTL name the programs; without them nothing is
done. selftests/kube/standin has some that behave like them as far as this goes.
"""
import json
import os
import shutil
import signal
import sys

import test_kube
from wdnet.kube import KubeSolo, kubeconfig
from wdnet.node import TOP
from wdnet.real import RealServer, missing
from wdnet.solo import expect_reach, ingress_policy, wait_for
from wdnet.suite import LONG, main
from wdnet.tap import Fail, expect

CNPS = test_kube.CNPS
MANIFESTS = os.path.join(TOP, 'tools', 'kubernetes')
TESTS = []


def test(function):
    return test_kube.test(function, TESTS)


class RealSolo(KubeSolo):
    """The agent comes as the service account that the manifests make."""

    def start_server(self):
        self.server = RealServer(self.only_node.ns, self.dir)
        self.server.kubectl('apply', '-k', MANIFESTS)
        self.server.kubectl('apply', '-f', os.path.join(
            MANIFESTS, 'report-node', 'rbac.yaml'))
        token = os.path.join(self.dir, 'token')
        with open(token, 'w', encoding='ascii') as f:
            f.write(self.server.token('warder') + '\n')
        return kubeconfig(os.path.join(self.dir, 'kubeconfig'),
                          self.server.url(), {'tokenFile': token},
                          certificate_authority=self.server.ca.cert)

    def start_agents(self, *args):
        super().start_agents('--report-node', '--report-every', '1s', *args)

    def put(self, obj):
        """The server gives each pod its UID, which CNI tells the agent."""
        said = super().put(obj)
        if obj['kind'] == 'Pod':
            meta = obj['metadata']
            self.pod(f'{meta["namespace"]}/{meta["name"]}').uid = said['uid']
        return said


base, expect_base = test_kube.base, test_kube.expect_base


@test
def the_account_of_the_manifests_may_read_all_that_is_read(c):
    base(c)
    states = {k['kind']: k['state'] for k in c.source()['kinds']}
    expect('absent', states.pop('CiliumNode'), 'a kind that is not there')
    expect({'watching', 'unused'}, set(states.values()), 'states')


@test
def a_policy_applied_by_kubectl_is_enforced_and_deleted_is_not(c):
    base(c)
    policy = ingress_policy('bad', 'bad', 'srv')
    c.server.kubectl('apply', '-f', '-', stdin=json.dumps(policy))
    wait_for('it is enforced', lambda: not test_kube.answers(
        c, 'shop/ok', 'shop/bad'))
    expect_reach(True, c.pod('shop/srv'), c.pod('shop/bad'), 'allowed')
    c.server.kubectl('delete', 'networkpolicy', 'bad', '-n', 'shop')
    wait_for('it is gone', lambda: test_kube.answers(
        c, 'shop/ok', 'shop/bad'))


@test
def a_label_of_kubectl_moves_a_pod(c):
    base(c)
    c.server.kubectl('label', 'pod', 'bad', '-n', 'shop', 'app=ok',
                     '--overwrite')
    wait_for('it is an `ok`', lambda: test_kube.answers(
        c, 'shop/bad', 'shop/srv'))
    c.server.kubectl('label', 'pod', 'bad', '-n', 'shop', 'app=bad',
                     '--overwrite')
    wait_for('it is `bad`', lambda: not test_kube.answers(
        c, 'shop/bad', 'shop/srv'))


@test
def what_crds_let_through_is_refused_and_told(c):
    base(c)
    policy = {'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy',
              'metadata': {'name': 'bad', 'namespace': 'shop'},
              'spec': {'endpointSelector': {'matchLabels': {'app': 'bad'}},
                       'ingress': [{'toPorts': [{'ports': [
                           {'port': '99999', 'protocol': 'TCP'}]}]}]}}
    c.apply([ingress_policy('srv', 'srv', 'ok'), policy])
    found = [p['field'] for p in c.only_node.status()['problems']
             if p['object'] == 'CiliumNetworkPolicy/shop/bad']
    expect(['spec.ingress[0].toPorts[0].ports[0].port'], found, 'problems')
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'fail closed')


@test
def the_node_tells_that_it_enforces(c):
    base(c)
    c.server.kubectl('wait', '--for=condition=WarderEnforcing',
                     'node/node-a', '--timeout=120s')
    code, out = c.server.kubectl(
        'get', 'node', 'node-a', '-o',
        r'jsonpath={.metadata.annotations.warder\.io/in-force}')
    expect('full', json.loads(out)['rung'], 'rung')


@test
def a_server_that_is_killed_leaves_all_in_force(c):
    base(c)
    c.server.away()
    wait_for('it is noticed', lambda: c.kind('Pod')['error'], 60)
    expect_base(c)
    c.server.back()
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'it is back')


@test
def an_agent_that_starts_without_the_server_enforces_what_it_did(c):
    base(c)
    c.server.away()
    test_kube.reboot(c)
    c.only_node.start_agent()
    expect(True, c.kind('NetworkPolicy')['kept'], 'of the disk')
    expect_base(c)
    c.server.back()
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect(False, c.kind('NetworkPolicy')['kept'], 'of the disk')
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'it is back')


@test
def an_agent_that_knows_nothing_opens_nothing(c):
    base(c)
    node = c.only_node
    c.server.away()
    node.stop_agent(signal.SIGKILL)
    shutil.rmtree(os.path.join(node.dir, 'state', 'kube'))
    node.start_agent(wait=False)
    wait_for('it says what it waits for', lambda: 'are not known yet' in
             node.warder('status', ok=None)[2], 60)
    expect_base(c)
    c.server.back()
    node.wait_ready()
    expect_base(c)


@test
def a_store_that_is_restored_takes_back_what_came_after(c):
    base(c)
    c.server.save()
    wait_for('it is heard', lambda: c.kind('NetworkPolicy')['state'] ==
             'watching', 120)
    c.apply([ingress_policy('srv', 'srv', 'bad')])
    expect_reach(True, c.pod('shop/bad'), c.pod('shop/srv'), 'allowed')
    c.server.restore()
    wait_for('it is as it was', lambda: not test_kube.answers(
        c, 'shop/bad', 'shop/srv'), 400)
    expect_base(c)
    c.told = {k: v for k, v in c.told.items() if 'NetworkPolicy' not in k}


@test
def a_kind_that_is_deleted_is_held(c):
    test_kube.lock_bad(c)
    c.server.kubectl('delete', 'crd', 'ciliumnetworkpolicies.cilium.io',
                     '--wait=false')
    wait_for('it is held', lambda:
             c.kind('CiliumNetworkPolicy')['state'] == 'held', 120)
    expect_reach(False, c.pod('shop/ok'), c.pod('shop/bad'), 'held')
    c.server.ask('kinds', absent=c.absent)
    wait_for('a list without it', lambda: c.only_node.status()['objects'][
        'CiliumNetworkPolicy'] == 0, 120)
    expect_reach(True, c.pod('shop/ok'), c.pod('shop/bad'), 'no policy')
    c.told.pop(next(k for k in c.told if 'CiliumNetworkPolicy' in k))


@test
def a_rollout_restart_is_no_change_to_policy(c):
    base(c)
    c.server.kubectl('rollout', 'restart', 'daemonset/warder', '-n',
                     'kube-system')
    expect_base(c)


@test
def a_drained_node_has_no_pods_left(c):
    """The last one: its pods are not made again."""
    base(c)
    c.server.kubectl('drain', 'node-a', '--force', '--disable-eviction',
                     '--grace-period=0', '--ignore-daemonsets',
                     '--timeout=120s')
    wait_for('no pod is left', lambda: c.only_node.status()['objects'][
        'Pod'] == 0, 60)
    expect_reach(False, c.pod('shop/bad'), c.pod('shop/srv'), 'nobody')
    c.told = {k: v for k, v in c.told.items() if '"Pod"' not in k}


def is_stand_in():
    """Of whom nothing is to be learnt in the two and a half minutes that pass
    until a watch that is silent counts as broken."""
    return os.path.dirname(os.path.abspath(os.environ['KUBE_APISERVER'])) == \
        os.path.join(TOP, 'selftests', 'kube', 'standin')


SAME = (test_kube.what_the_server_says_is_enforced,
        test_kube.a_label_that_changes_moves_a_pod,
        test_kube.a_custom_resource_that_is_deleted_goes_at_once,
        test_kube.the_server_counts_more_than_a_manifest_of_the_same_name)

if __name__ == '__main__':
    if missing():
        print(missing())
        sys.exit(4)
    sys.exit(main(RealSolo.with_three, [
        t for t in (*TESTS[:-1], *SAME, TESTS[-1])
        if LONG or not is_stand_in() or
        t is not a_store_that_is_restored_takes_back_what_came_after],
        sys.argv))

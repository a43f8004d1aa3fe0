#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Who is who: addresses, names, indexes and numbers that are used again."""
import json
import os
import signal
import struct
import sys
import uuid

from wdnet import bpf
from wdnet.node import CniError
from wdnet.solo import Solo, expect_reach, ingress_policy, wait_for
from wdnet.tap import Fail, Tap, expect

SECONDS = 30
MASTER_AT = 40  # wd_endpoint_val.master
EVENTS = 3000


class Bench:
    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()

    def endpoints(self):
        doc = json.loads(self.node.warder('endpoint', 'list', '--json')[1])
        return {f'{e["namespace"]}/{e["name"]}': e for e in doc['endpoints']}

    def phantom(self, name, ip, labels, node='node-z', **fields):
        """A pod object without a pod."""
        pod = self.c.make_pod(name, 200, labels)
        pod.node = type('Node', (), {'name': node, 'ips': {4: '192.168.77.9'}})
        pod.phase, pod.known_ips = 'Running', {4: ip}
        for key, value in fields.items():
            setattr(pod, key, value)
        self.c.pods.append(pod)
        self.c.apply()
        return pod

    def forget(self, *pods):
        for pod in pods:
            self.c.pods.remove(pod)
        self.c.apply()

    def verdicts(self, what):
        expect_reach(True, self.ok, self.srv, what)
        expect_reach(False, self.bad, self.srv, what)


def test_claims_on_a_local_address(b):
    """Objects that claim a local pod's address lend it no labels."""
    lend = b.phantom('lend', b.bad.ips[4], {'app': 'ok'})
    take = b.phantom('take', b.ok.ips[4], {'app': 'bad'})
    b.verdicts('beside pods of another node with their addresses')
    b.forget(lend, take)
    done = b.phantom('done', b.bad.ips[4], {'app': 'ok'}, 'node-a',
                     phase='Succeeded')
    b.verdicts('beside a finished pod')
    b.forget(done)
    host = b.phantom('host', b.bad.ips[4], {'app': 'ok'}, 'node-a',
                     host_network=True)
    b.verdicts('beside a pod in the network of the host')
    b.forget(host)
    b.verdicts('alone again')


def test_node_address_equal_to_a_pods(b):
    ips = b.node.ips
    b.node.ips = {4: b.bad.ips[4]}
    b.c.apply()
    b.verdicts('the node claims the address of a pod')
    b.node.ips = ips
    b.c.apply()


def test_address_of_a_pod_that_went(b):
    """The next pod with the address has the policy of its own labels, the
    client its flows no more."""
    old = b.c.make_pod('old', 40)
    b.c.policies.append(ingress_policy('new', 'new'))
    b.c.run_pods([old])
    got = b.ok.handle.ask('hold', ident='old', dst=old.ips[4],
                          port=80)['answer']
    expect('shop/old', got, 'answer of the old pod')
    b.c.delete(old)
    new = b.c.make_pod('new', 40)
    b.c.run_pods([new])
    expect(old.ips, new.ips, 'addresses')
    before = b.endpoints()['shop/new']['id']
    got = b.ok.handle.ask('say', ident='old', text='?', timeout=1.5)['answer']
    expect(None, got, 'echo on the old connection')
    expect_reach(False, b.ok, new, 'new pod')
    counters = json.loads(b.node.warder(
        'endpoint', 'get', 'shop/new', '--json')[1])['counters']
    if not counters['ingress']['drop']['packets']:
        raise Fail(f'the old connection was not dropped: {counters}')
    expect(before, b.endpoints()['shop/new']['id'], 'instance')
    b.ok.handle.ask('drop', ident='old')
    b.c.delete(new)


def test_same_name_other_uid(b):
    """A pod made anew before the old one's interface is gone."""
    old = b.c.make_pod('twin', 50)
    b.c.run_pods([old])
    expect_reach(True, b.ok, old, 'old pod')
    new = b.c.make_pod('twin', 51)
    new.uid = str(uuid.uuid4())
    b.c.pods.remove(old)
    b.c.run_pods([new])
    expect_reach(True, b.ok, new, 'new pod')
    expect_reach(False, b.ok, old, 'old pod of another uid')
    b.c.pods.append(old)
    b.c.delete(old, sync=False)
    b.c.apply()
    expect_reach(True, b.ok, new, 'new pod after the old one went')
    b.c.delete(new)


def test_interface_that_vanishes(b):
    pod = b.c.make_pod('gone', 55)
    b.c.run_pods([pod])
    name = b.endpoints()['shop/gone']['interface']
    b.node.ns.ip(f'link del {name}')
    wait_for('endpoint gone', lambda: 'shop/gone' not in b.endpoints(),
             SECONDS)
    pins = os.listdir(f'/proc/{b.node.host.pid}/root{b.node.bpffs}/links')
    expect(6, len(pins), 'pins of links')
    b.c.delete(pod)
    b.verdicts('after an interface went')


def test_pod_without_an_interface(b):
    """A pod of this node that is not guarded is not passed over in silence."""
    expect(0, b.node.status()['endpoints']['unguarded'], 'before')
    pod = b.phantom('lost', '10.1.0.99', {'app': 'lost'}, 'node-a')
    status = b.node.status()
    expect(1, status['endpoints']['unguarded'], 'unguarded')
    expect(['lost'], [p['name'] for p in status['endpoint_problems']
                      if p['state'] == 'unguarded'], 'named')
    if 'shop/lost (-): NOT ENFORCED' not in b.node.warder('status')[1]:
        raise Fail('status does not say it')
    b.forget(pod)
    expect(0, b.node.status()['endpoints']['unguarded'], 'after')


def test_lost_link_events(b):
    """More events than the socket holds, and among them one that counts."""
    ep = b.endpoints()['shop/bad']
    m = bpf.Map(f'/proc/{b.node.host.pid}/root{b.node.bpffs}'
                '/maps/wd_endpoint')
    key = struct.pack('=I', ep['ifindex'])

    def master():
        return struct.unpack_from('=I', m.get(key), MASTER_AT)[0]
    b.node.ns.ip('link add br9 type bridge', 'link set br9 up',
                 'link add d9 type bridge')
    bridge = int(b.node.ns.run(['cat', '/sys/class/net/br9/ifindex'])[1])
    expect(0, master(), 'bridge before')
    b.node.agent.send_signal(signal.SIGSTOP)
    try:
        b.node.ns.ip(*['link set d9 up', 'link set d9 down'] * EVENTS)
        b.node.ns.ip(f'link set {ep["interface"]} master br9')
    finally:
        b.node.agent.send_signal(signal.SIGCONT)
    wait_for('the bridge is known', lambda: master() == bridge, SECONDS)
    if 'events were lost' not in b.node.log_tail():
        raise Fail('no event was lost: the test proves nothing')
    b.node.ns.ip(f'link set {ep["interface"]} nomaster', 'link del br9',
                 'link del d9')
    wait_for('the bridge is forgotten', lambda: master() == 0, SECONDS)
    m.close()
    b.verdicts('after lost events')


def test_too_many_addresses(b):
    """Refused with a reason; the pod of two works."""
    pod = b.c.make_pod('many', 58)
    b.c.pods.append(pod)
    b.c.apply()
    b.c.start(pod)
    prev = b.node.cni('ADD', 'ptp', pod)
    more = json.loads(json.dumps(prev))
    for last in (158, 159):
        more['ips'].append({'address': f'10.1.0.{last}/24'})
    try:
        b.node.cni('ADD', 'warder-cni', pod, more)
        raise Fail('three IPv4 addresses were taken')
    except CniError as e:
        if 'more than two addresses' not in str(e):
            raise Fail(f'ADD says {e}') from None
    more['ips'].pop()
    pod.result = more
    b.node.cni('ADD', 'warder-cni', pod, more)
    b.c.listen(pod)
    expect_reach(True, b.ok, pod, 'pod of two addresses')
    pod.result = prev
    b.c.delete(pod)


def test_numbers_after_discovery(b):
    """Killed as soon as pods were discovered: the next agent knows them."""
    b.node.stop_agent(9)
    os.unlink(b.node.dir + '/state/endpoints.json')
    b.node.start_agent()
    first = {k: e['id'] for k, e in b.endpoints().items()}
    b.node.stop_agent(9)
    b.node.start_agent()
    expect(first, {k: e['id'] for k, e in b.endpoints().items()}, 'instances')
    b.verdicts('after discovery and a restart')


def test_a_path_that_leads_nowhere_is_no_proof(b):
    """Where no program is on interfaces, an agent that does not see a pod's
    namespace keeps the pod as long as its interface is there."""
    path = b.node.dir + '/state/endpoints.json'
    b.node.stop_agent()
    b.node.start_agent('--max-rung', 'nft')
    first = {k: e['id'] for k, e in b.endpoints().items()}
    b.node.stop_agent()
    with open(path, encoding='utf-8') as f:
        doc = json.load(f)
    del doc['checksum']
    for one in doc['endpoints']:
        one['netns'] = '/nowhere' + one['netns']
    gone = dict(doc['endpoints'][0], id=doc['next_id'], pod='gone',
                interface='was0', stat=1000, ifindex=999999)
    with open(path, 'w', encoding='utf-8') as f:
        json.dump({**doc, 'next_id': doc['next_id'] + 1,
                   'endpoints': doc['endpoints'] + [gone]}, f)
    b.node.start_agent()
    expect(first, {k: e['id'] for k, e in b.endpoints().items()}, 'instances')
    b.verdicts('after a restart without paths')
    b.node.stop_agent()
    b.node.start_agent('--max-rung', 'full')


WRONG = {'torn': lambda text: text[:len(text) // 2],
         'another digit': lambda text: text.replace('"version":1,',
                                                    '"version":1 ,'),
         'no JSON': lambda text: 'x' + text,
         'of a newer agent': lambda text: text.replace('"version":1,',
                                                       '"version":7,')}


def test_state_that_cannot_be_used(b):
    """Each file of the state is wrong: told, kept aside, and learnt anew."""
    folder = b.node.dir + '/state/'
    for name, spoil in WRONG.items():
        b.node.stop_agent(9)
        texts = {}
        for file in ('endpoints.json', 'identities.json'):
            with open(folder + file, encoding='utf-8') as f:
                texts[file] = spoil(f.read())
            with open(folder + file, 'w', encoding='utf-8') as f:
                f.write(texts[file])
        b.node.start_agent()
        b.verdicts('after a start with files that are ' + name)
        wait_for('both are written anew', lambda: all(
            u['kept_as'] for u in b.node.status()['unread_state']))
        kept = {u['file']: u for u in b.node.status()['unread_state']}
        expect(sorted(folder + file for file in texts), sorted(kept), name)
        for file, text in texts.items():
            with open(kept[folder + file]['kept_as'], encoding='utf-8') as f:
                expect(text, f.read(), f'{file} that is {name}, kept')
        shown = b.node.warder('status')[1]
        metrics = b.node.warder('metrics')[1]
        for words, text in (('2 files could not be used at the start', shown),
                            (f'{folder}endpoints.json: ', shown),
                            ('warder_state_unread_files 2', metrics)):
            if words not in text:
                raise Fail(f'{words!r} is not told', text)
    b.node.stop_agent()
    b.node.start_agent()
    expect([], b.node.status()['unread_state'], 'after a good start')


def test_identities_after_kill(b):
    """A number that was shown stays, although the agent was killed at once."""
    def numbers():
        doc = json.loads(b.node.warder('identity', 'list', '--json')[1])
        return {i['labels']['app']: i['id'] for i in doc['identities']
                if i['labels']}
    late = b.phantom('late', '10.60.0.1', {'app': 'late'})
    before = numbers()
    b.node.stop_agent(9)
    early = b.c.make_pod('early', 201, {'app': 'early'})
    early.phase, early.known_ips = 'Running', {4: '10.60.0.2'}
    early.node = late.node
    b.c.pods.insert(0, early)
    b.c.write_objects()
    b.node.start_agent()
    after = numbers()
    expect(before, {k: after[k] for k in before}, 'numbers')
    b.forget(early, late)


def test_verbose_log(b):
    """--verbose tells of each commit; without it nothing of the kind."""
    expect(False, 'debug:' in b.node.log_tail(1000), 'debug without -v')
    b.node.stop_agent()
    b.node.start_agent('--verbose')
    expect(True, 'debug: commit: generation' in b.node.log_tail(1000),
           'commits in the log with -v')
    b.node.stop_agent()
    b.node.agent_args = []
    b.node.start_agent()


def main():
    tap = Tap()
    bench = Bench()
    try:
        for name, test in list(globals().items()):
            if name.startswith('test_') and \
                    (len(sys.argv) < 2 or sys.argv[1] in name):
                tap.run('lifecycle: ' + name[5:].replace('_', ' '), test,
                        bench)
        if tap.failed:
            tap.say(bench.node.log_tail(30))
    finally:
        bench.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

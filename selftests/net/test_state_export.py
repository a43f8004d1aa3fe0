#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder state export` writes what is in force, with and without an agent."""
import json
import os
import stat
import sys

from wdnet.ask import until
from wdnet.solo import Solo, ingress_policy
from wdnet.tap import Fail, Tap, expect

NAMED = ('node', 'kernel', 'rung', 'warder')


def export(c, *args, ok=0):
    """Read in the node's namespaces, as a person there would."""
    from wdnet.node import WARDER
    node = c.only_node
    code, out, err = node.ns.run(
        [WARDER, 'state', 'export', *args, '--json', '--run-dir',
         node.run_dir, '--bpffs', node.bpffs], check_rc=False)
    expect(ok, code, f'exit code of state export {" ".join(args)}: {err}')
    return out if not ok else json.loads(err)


def class_of(state, slot, direction, proto, port):
    """The rules for a port, or None."""
    here = [s for s in state['slots']
            if s['slot'] == slot and s['direction'] == direction][0]
    nr = 0
    for span in here[proto]:
        if span['from'] <= port:
            nr = span['class']
    return [k for k in state['classes'] if k['class'] == nr] or None


def test_all_is_in_it(c):
    srv, ok, bad = c.pods
    state = json.loads(export(c))
    eps = {e['name']: e for e in state['endpoints']}
    expect({'shop/srv', 'shop/ok', 'shop/bad'}, set(eps), 'endpoints')
    known = {a['address']: a for a in state['addresses']}
    for pod in c.pods:
        mine = eps[pod.key]
        expect(set(pod.ips.values()), set(mine['addresses']), 'addresses')
        for addr in pod.ips.values():
            expect(mine['ifindex'], known[addr]['ifindex'], 'device')
            expect(['pod', 'local'], known[addr]['is'], 'what it is')
    rules = class_of(state, eps['shop/srv']['slot'], 'ingress', 'tcp', 80)
    if not rules:
        raise Fail('no rules for the server', state['slots'])
    row = {r['row']: r['predicates'] for r in state['rows']}
    rule = rules[0]['rules'][0]
    for pod, want in ((ok, True), (bad, False)):
        for addr in pod.ips.values():
            expect(want, rule['predicate'] in row.get(known[addr]['row'], []),
                   f'the rule holds for {pod.key}')
    names = {r['rule']: r['name'] for r in state['rules']}
    expect('NetworkPolicy/shop/srv ingress[0]', names[rule['rule']],
           'name of the rule')
    expect(os.uname().release, state['kernel'], 'kernel')
    expect(c.only_node.status()['generation'], state['generation'],
           'generation')
    expect(c.only_node.status()['rung'], state['rung'], 'rung')


def test_pins_say_the_same(c):
    before = json.loads(export(c))
    c.only_node.stop_agent(9)
    try:
        after = json.loads(export(c))
    finally:
        c.only_node.start_agent()
    for ep in before['endpoints']:
        ep['name'] = f'ifindex {ep["ifindex"]}'
    for key in ('node', 'rung'):
        before[key] = ''
    before['rules'] = []
    expect(before, after, 'the state of the pins')


def test_every_rung(c):
    """What is enforced does not depend on what enforces it."""
    node = c.only_node
    before = json.loads(export(c))
    try:
        for rung in ('minimal', 'nft', 'hold'):
            node.warder('ladder', 'pin', rung)
            after = json.loads(export(c))
            expect(rung, after['rung'], 'rung')
            for key in set(before) - {'rung', 'generation'}:
                expect(before[key], after[key], f'{key} on rung {rung}')
    finally:
        node.warder('ladder', 'pin', 'auto')
    node.sync()


def test_encryption(c):
    node = c.only_node
    expect(False, json.loads(export(c))['encryption_required'], 'before')
    node.stop_agent()
    node.start_agent('--encryption', 'required')
    try:
        node.sync()
        expect(True, json.loads(export(c))['encryption_required'], 'required')
    finally:
        node.stop_agent()
        node.start_agent()
    node.sync()


def test_policy_changes_it(c):
    before = json.loads(export(c))
    c.policies = [ingress_policy('srv', 'srv', 'ok', 'bad')]
    c.write_objects()
    c.only_node.sync()
    after = json.loads(export(c))
    if after['generation'] <= before['generation'] or \
            after['classes'] == before['classes']:
        raise Fail('the policy did not reach the file', before, after)


def test_services(c):
    """Each kind of backends, and that the one that is chosen decides."""
    srv, ok, bad = c.pods
    c.policies += [
        {'apiVersion': 'v1', 'kind': 'Service',
         'metadata': {'name': 'mixed', 'namespace': 'shop'},
         'spec': {'clusterIP': '10.96.0.10', 'clusterIPs': ['10.96.0.10'],
                  'ports': [{'port': 80, 'targetPort': 8080}]}},
        {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
         'metadata': {'name': 'mixed-4', 'namespace': 'shop', 'labels': {
             'kubernetes.io/service-name': 'mixed'}},
         'addressType': 'IPv4', 'ports': [{'port': 8080}],
         'endpoints': [{'addresses': [p.ips[4]]} for p in (srv, bad)]},
        {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
         'metadata': {'name': 'out', 'namespace': 'shop'},
         'spec': {'podSelector': {'matchLabels': {'app': 'ok'}},
                  'policyTypes': ['Egress'], 'egress': [{'to': [
                      {'podSelector': {'matchLabels': {'app': 'srv'}}}]}]}}]
    expect([], json.loads(export(c))['services'], 'services before')
    c.write_objects()
    c.only_node.sync()
    until(True, lambda: json.loads(export(c))['services_exact'],
          'what is chosen decides')
    state = json.loads(export(c))
    row = {a['address']: a['row'] for a in state['addresses']}
    expect({(n, '10.96.0.10', 6, 80, 8080) for n in (0, 1)},
           {(s['number'], s['address'], s['protocol'], s['port'], s['target'])
            for s in state['services']}, 'services')
    expect({row[p.ips[4]] for p in (srv, bad)},
           {s['row'] for s in state['services']}, 'rows of the backends')
    node = c.only_node
    late = f'/proc/{node.host.pid}/root{node.bpffs}/late'
    try:
        for rung in ('nft', 'minimal'):
            node.warder('ladder', 'pin', rung)
            # the ruleset needs no program, and that goes a little later
            until(rung != 'nft', lambda: os.path.exists(late),
                  f'there is a program on {rung}')
            until(True, lambda: json.loads(export(c))['services_exact'],
                  f'what is chosen decides on rung {rung}')
    finally:
        c.only_node.warder('ladder', 'pin', 'auto')
    c.only_node.sync()


def test_file(c):
    path = os.path.join(c.dir, 'state.json')
    expect('', export(c, path), 'output')
    with open(path, encoding='utf-8') as f:
        got = json.load(f)
    expect(json.loads(export(c)), got, 'what is in the file')
    expect(0o600, stat.S_IMODE(os.stat(path).st_mode), 'mode')
    expect(1, export(c, '/nowhere/at/all', ok=1)['code'], 'no such folder')
    expect([os.path.basename(path)],
           [n for n in os.listdir(c.dir) if n.startswith('state.json')],
           'files left behind')
    keep = os.environ.get('WD_KEEP_STATE')  # to renew preflight/node.json
    if keep:
        with open(keep, 'w', encoding='utf-8') as f:
            json.dump(got, f)


def test_no_secret(c):
    """The factors of the flow table's hash stay on the node."""
    text = export(c)
    for word in ('hash', 'key', 'cookie'):
        if word in text:
            raise Fail(f'{word} is in it', text[:300])


def test_hold_from_the_start(c):
    """Comes last: it sets links down."""
    node = c.only_node
    node.warder('stop', '--detach')
    node.agent.wait(30)
    node.start_agent('--max-rung', 'hold', wait=False)
    until(0, lambda: node.warder('status', ok=None)[0], 'the agent answers')
    error = export(c, ok=3)
    if 'rung hold' not in str(error):
        raise Fail('does not say why', error)


def test_nothing_there(c):
    from wdnet.node import WARDER
    code, _, err = c.only_node.ns.run(
        [WARDER, 'state', 'export', '--run-dir', '/nowhere', '--bpffs',
         '/nowhere'], check_rc=False)
    expect(3, code, 'exit code')
    if '/nowhere' not in err:
        raise Fail('does not say where', err)


def main():
    tap = Tap()
    c = Solo((4, 6))
    try:
        c.three()
        for name, test in (('all that is in force is in it', test_all_is_in_it),
                           ('without an agent the pins say the same',
                            test_pins_say_the_same),
                           ('it is the same on every rung', test_every_rung),
                           ('a change of policy is in it',
                            test_policy_changes_it),
                           ('that traffic must be encrypted is in it',
                            test_encryption),
                           ('services are in it', test_services),
                           ('a file is written whole', test_file),
                           ('no secret is in it', test_no_secret),
                           ('where nothing is', test_nothing_there),
                           ('on hold from the start there is none',
                            test_hold_from_the_start)):
            tap.run('state export: ' + name, test, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

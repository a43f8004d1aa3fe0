#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder policy diff` says what files would change, from real traffic; then
they are applied, and the kernel is asked whether that was so.

    test_diff.py [PART-OF-A-NAME]
"""
import json
import os
import random
import struct
import subprocess
import sys

from wdnet import bpf, yamlout
from wdnet.node import WARDER
from wdnet.shared import Shared
from wdnet.solo import Solo, ingress_policy, note, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
FAMILIES = (4, 6)
DENIED_S = 0.4  # what is allowed is asked again


class Bed:
    """Pods srv, ok, bad and lone; srv is reached by ok alone."""

    def __init__(self):
        self.c = Solo(FAMILIES)
        try:
            self.srv, self.ok, self.bad = self.c.three()
            self.lone = self.c.make_pod('lone', 20)
            self.c.run_pods([self.lone])
        except BaseException:
            self.c.close()
            raise
        self.node = self.c.only_node
        self.base = list(self.c.policies)
        try:
            talk(self)
        except BaseException:
            self.c.close()
            raise

    def close(self):
        self.c.close()

    def file(self, objects, name='change.yaml'):
        path = os.path.join(self.c.dir, name)
        text = objects if isinstance(objects, str) else yamlout.text(objects)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def run(self, *args, text=None):
        """Exit code, stdout, stderr."""
        proc = subprocess.run(
            [WARDER, 'policy', 'diff', *args, '--run-dir', self.node.run_dir],
            input=text, capture_output=True, text=True, timeout=120,
            check=False)
        return proc.returncode, proc.stdout, proc.stderr

    def diff(self, *args, code=None, text=None):
        got, out, err = self.run(*args, '--json', text=text)
        if code is not None:
            expect(code, got, f'exit code of {args}: {err}{out}')
        return json.loads(out)

    def seen(self, *args, src, dst, port, code=1):
        """The document, once the drops of the last moment are in it."""
        def there():
            doc = self.diff(*args)
            drops = [c['dropped_packets'] > 0
                     for c in find(doc, src, dst, port).values()]
            return drops == [True] * len(FAMILIES) and doc
        doc = wait_for(f'{src} -> {dst}:{port} is told', there)
        self.diff(*args, code=code)
        return doc


def find(doc, src, dst, port):
    """How each flow between them would change, by address family."""
    return {6 if ':' in c['to']['address'] else 4: c for c in doc['changes']
            if c['from']['name'] == src and c['to']['name'] == dst
            and c.get('port') == port}


def summary(doc):
    s = doc['summary']
    expect(s['flows'], s['dropped'] + s['allowed'] + s['audit']
           + s['unchanged'] + s['not_judged'], 'the sum of all')
    expect(len(doc['changes']), s['dropped'] + s['allowed'] + s['audit'],
           'as many are told of')
    return s['dropped'], s['allowed'], s['audit']


def reached(src, dst, *what):
    """Which of these answer, over each family: a word for each that did."""
    targets = [[proto, None, dst.ips[f], port]
               for proto, port in what for f in FAMILIES]
    got = src.handle.ask('probe', timeout=DENIED_S, targets=targets)['answers']
    return [f'{t[0]}/{t[3]} {t[2]}' for t, a in zip(targets, got) if a]


def allowed(src, dst, *what):
    """Waited for: each answers in the end."""
    wait_for(f'{src.key} reaches {dst.key}', lambda:
             len(reached(src, dst, *what)) == len(what) * len(FAMILIES))


def denied(src, dst, *what):
    expect([], reached(src, dst, *what), f'{src.key} -> {dst.key}')


TCP, UDP = ('tcp', 80), ('udp', 81)


def talk(b):
    """What the node has seen: allowed over two ports, denied, elsewhere."""
    allowed(b.ok, b.srv, TCP, UDP)
    denied(b.bad, b.srv, TCP)
    allowed(b.bad, b.lone, TCP)


@SHARED.test
def what_it_says_is_what_the_kernel_does(b):
    change = [ingress_policy('srv', 'srv', 'bad')]
    path = b.file(change)
    doc = b.seen(path, src='bad', dst='srv', port=80)
    expect((4, 2, 0), summary(doc), 'dropped, allowed, audited')
    for f in FAMILIES:
        for port in (80, 81):
            expect('dropped', find(doc, 'ok', 'srv', port)[f]['change'],
                   f'v{f} ok, port {port}')
        opens = find(doc, 'bad', 'srv', 80)[f]
        expect(('allowed', 'DEFAULT', 'POLICY_ALLOW'),
               (opens['change'], opens['before']['reason'],
                opens['after']['reason']), f'v{f} bad')
        expect(('srv', 0), (opens['after']['rule']['name'],
                            opens['after']['rule']['index']), 'the rule')
        expect(True, opens['dropped_packets'] > 0, 'drops were counted')
        expect(True, find(doc, 'ok', 'srv', 80)[f]['flows'] > 0, 'flows')
        expect({}, find(doc, 'bad', 'lone', 80), 'what is not concerned')
    expect(['replaced'], [o['how'] for o in doc['objects']], 'the object')
    expect([], doc['endpoints'], 'isolation is as before')
    allowed(b.ok, b.srv, TCP, UDP)  # nothing has changed by asking
    b.c.apply(change)
    try:
        denied(b.ok, b.srv, TCP, UDP)
        allowed(b.bad, b.srv, TCP)
        allowed(b.bad, b.lone, TCP)
        expect((0, 0, 0), summary(b.diff(path, code=0)), 'it is in force')
    finally:
        b.c.apply(b.base)


@SHARED.test
def who_becomes_isolated_is_told_without_any_flow(b):
    path = b.file([ingress_policy('shut', 'lone')])
    doc = b.diff(path, '--since', '1s')
    expect([('lone', 'isolated', 'ingress', ['shut'])],
           [(e['name'], e['what'], e['direction'],
             [p['name'] for p in e['isolated_by']])
            for e in doc['endpoints']], 'who')
    code, out, _ = b.run(path)
    expect(1, code, 'exit code')
    expect(True, 'shop/lone would be isolated for ingress by '
           'NetworkPolicy/shop/shut' in out, out)


@SHARED.test
def what_does_not_fit_drops_all_of_its_pod(b):
    """More ports than fit, each of which it would allow."""
    talk(b)
    large = ingress_policy('large', 'srv', 'ok')
    large['spec']['ingress'][0]['ports'] = [
        {'protocol': 'TCP', 'port': port}
        for port in [80, *range(1001, 8001, 2)]]
    doc = b.diff(b.file([large]), code=1)
    expect({4: ('dropped', 'NOT_READY'), 6: ('dropped', 'NOT_READY')},
           {f: (c['change'], c['after']['reason'])
            for f, c in find(doc, 'ok', 'srv', 80).items()}, 'ok')


@SHARED.test
def what_is_deleted_opens(b):
    args = ('--delete', 'netpol/shop/srv')
    doc = b.seen(*args, src='bad', dst='srv', port=80)
    expect((0, 2, 0), summary(doc), 'dropped, allowed, audited')
    expect(['not isolated'], [e['what'] for e in doc['endpoints']], 'who')
    expect('NOT_ISOLATED', find(doc, 'bad', 'srv', 80)[4]['after']['reason'],
           'why')
    doc = b.diff('--delete', 'netpol/shop/nobody', code=4)
    expect('--delete', doc['problems'][0]['file'], 'no such object')
    b.c.apply([])
    try:
        allowed(b.bad, b.srv, TCP)
    finally:
        b.c.apply(b.base)


@SHARED.test
def a_policy_on_trial_is_an_audit_and_no_drop(b):
    trial = ingress_policy('try', 'lone')
    trial['metadata']['annotations'] = {'warder.io/audit': 'true'}
    doc = b.diff('-', text=yamlout.text([trial]), code=1)
    expect((0, 0, 2), summary(doc), 'dropped, allowed, audited')
    expect('audited', find(doc, 'bad', 'lone', 80)[6]['change'], 'change')
    expect('stdin', doc['objects'][0]['file'], 'from standard input')
    b.c.apply(b.base + [trial])
    try:
        allowed(b.bad, b.lone, TCP)
    finally:
        b.c.apply(b.base)


LATE_PORT = 9000
LATE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 9000))
print('bound', flush=True)
_, peer = s.recvfrom(9)
print('asked', flush=True)
for line in sys.stdin:
    s.sendto(b'late', peer)
"""


@SHARED.test
def an_answer_that_is_dropped_is_of_its_flow(b):
    """The question passed, then the policy came, then the answer."""
    shut = ingress_policy('shut', 'lone')
    late = b.lone.space.popen(
        [sys.executable, '-c', LATE], text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    try:
        expect('bound\n', late.stdout.readline(), 'the server')
        b.bad.space.run([sys.executable, '-c', f"""
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 40000))
s.sendto(b'when?', ('{b.lone.ips[4]}', 9000))
"""])
        expect('asked\n', late.stdout.readline(), 'the question came')
        b.c.apply(b.base + [shut])

        def told():
            late.stdin.write('now\n')
            late.stdin.flush()
            doc = b.diff('--delete', 'netpol/shop/shut')
            found = find(doc, 'bad', 'lone', 9000)
            return found and found[4]['dropped_packets'] and doc
        doc = wait_for('the drop is told', told)
        expect('allowed', find(doc, 'bad', 'lone', 9000)[4]['change'],
               'its flow')
        expect({}, find(doc, 'lone', 'bad', 40000), 'no flow of its own')
    finally:
        late.kill()
        late.communicate()
        b.c.apply(b.base)


@SHARED.test
def labels_count_too(b):
    bad = b.bad.manifest()
    bad['metadata']['labels'] = {'app': 'ok'}
    doc = b.seen(b.file([bad]), src='bad', dst='srv', port=80)
    expect((0, 2, 0), summary(doc), 'dropped, allowed, audited')


def some_policies(rng):
    """Of three kinds and both directions, about these pods and ports."""
    names = ('srv', 'ok', 'bad', 'lone')

    def peer():
        return {'podSelector': {'matchLabels': {'app': rng.choice(names)}}} \
            if rng.random() < 0.8 else {'podSelector': {}}

    def policy(i):
        way, key = rng.choice((('ingress', 'from'), ('egress', 'to')))
        rules = [{key: [peer()], 'ports': [
            {'protocol': 'TCP', 'port': rng.choice((80, 81))},
            {'protocol': 'UDP', 'port': 81}][:rng.choice((1, 2))]}
            if rng.random() < 0.5 else {key: [peer(), peer()]}
            for _ in range(rng.randrange(3))]
        return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
                'metadata': {'name': f'p{i}', 'namespace': 'shop',
                             'annotations': {'warder.io/audit':
                                             rng.choice(('true', 'false'))}},
                'spec': {'podSelector': peer()['podSelector'],
                         'policyTypes': [way.capitalize()], way: rules}}

    def wide(i):
        return {'apiVersion': 'policy.networking.k8s.io/v1alpha2',
                'kind': 'ClusterNetworkPolicy', 'metadata': {'name': f'w{i}'},
                'spec': {'tier': rng.choice(('Admin', 'Baseline')),
                         'priority': i, 'subject': {'namespaces': {}},
                         'ingress': [{'action': rng.choice(('Accept', 'Deny')),
                                      'from': [{'pods': {
                                          'namespaceSelector': {}, **peer()}}]
                                      }]}}
    return [(wide if rng.random() < 0.3 else policy)(i)
            for i in range(rng.randrange(1, 5))]


def verdicts(b):
    """What `why` says of the flows of talk()."""
    out = {}
    for src, dst, proto, port in (
            (b.ok, b.srv, *TCP), (b.ok, b.srv, *UDP), (b.bad, b.srv, *TCP),
            (b.bad, b.lone, *TCP)):
        for f in FAMILIES:
            doc = json.loads(b.node.warder(
                'why', src.key, f'{dst.key}:{port}/{proto}', f'-{f}', '--json',
                ok=None)[1])
            out[src.name, dst.name, proto, port, f] = doc['verdict']
    return out


@SHARED.test
def of_random_policies_it_says_what_why_says_later(b):
    seed = int(os.environ.get('WD_SEED') or random.getrandbits(32))
    rng = random.Random(seed)
    note(f'WD_SEED={seed}')
    policies, before, told = b.base, verdicts(b), 0
    try:
        for nr in range(60 if os.environ.get('WD_LONG') == '1' else 3):
            gone = [p for p in policies if rng.random() < 0.7]
            new = some_policies(rng)
            names = [(p['kind'], p['metadata']['name']) for p in new]
            gone = [p for p in gone
                    if (p['kind'], p['metadata']['name']) not in names]
            doc = b.diff(b.file(new), *[
                w for p in gone for w in ('--delete', '/'.join(filter(None, (
                    p['kind'], p['metadata'].get('namespace'),
                    p['metadata']['name']))))])
            policies = new + [p for p in policies if p not in gone and (
                p['kind'], p['metadata']['name']) not in names]
            b.c.apply(policies)
            after = verdicts(b)
            want = {k: (before[k], v) for k, v in after.items()
                    if v != before[k]}
            got = {(c['from']['name'], c['to']['name'], c['proto'],
                    c['port'], 6 if ':' in c['to']['address'] else 4):
                   (c['before']['verdict'], c['after']['verdict'])
                   for c in doc['changes'] if c['port'] != LATE_PORT}
            expect(want, got, f'changes of round {nr}, WD_SEED={seed}')
            before, told = after, told + len(got)
    finally:
        b.c.apply(b.base)
    note(f'{told} changes')
    expect(True, told > 0, 'anything changed')


@SHARED.test
def errors_are_told_as_check_tells_them(b):
    text = yamlout.text([ingress_policy('srv', 'srv', 'bad')]).replace(
        'ingress:', 'ingres:')
    path = b.file(text, 'wrong.yaml')
    doc = b.diff(path, code=4)
    _, out, _ = b.node.warder('policy', 'check', path, '--json', ok=1)
    keys = ('file', 'line', 'field', 'text', 'effect')
    want = [[p[k] for k in keys] for p in json.loads(out)['problems']]
    expect(want, [[p[k] for k in keys] for p in doc['problems']], 'problems')
    expect(True, bool(want), 'there are some')
    code, out, _ = b.run(b.file('kind: [', 'broken.yaml'))
    expect(4, code, 'unreadable')
    expect(True, 'broken.yaml:' in out, out)
    expect(4, b.run('/nowhere.yaml')[0], 'no such file')
    expect(2, b.run()[0], 'nothing to do')
    expect(2, b.run(path, '--since', '2h')[0], 'too long ago')


@SHARED.test
def a_directory_is_read_as_the_agent_reads_it(b):
    folder = os.path.join(b.c.dir, 'many')
    os.makedirs(os.path.join(folder, 'below'), exist_ok=True)
    b.file([ingress_policy('one', 'lone')], 'many/one.yaml')
    b.file([ingress_policy('two', 'lone')], 'many/below/two.yml')
    b.file([ingress_policy('one', 'lone', 'ok')], 'many/three.yaml')
    b.file('kind: [', 'many/.hidden.yaml')
    b.file('kind: [', 'many/notes.txt')
    doc = b.diff(folder, code=1)
    expect(['NetworkPolicy/shop/one', 'NetworkPolicy/shop/two'],
           sorted(o['object'] for o in doc['objects']), 'objects')
    expect(True, 'three.yaml' in doc['problems'][0]['file'], 'the double')


def in_kernel(b):
    """What the programs go by: the generation, and the slots."""
    root = f'/proc/{b.node.host.pid}/root{b.node.bpffs}/maps/wd_'
    out = []
    for name, cnt in (('state', 1), ('slot', 40)):
        m = bpf.Map(root + name)
        out += [bytes(m.get(struct.pack('=I', i))) for i in range(cnt)]
        m.close()
    return out


@SHARED.test
def nothing_of_it_stays(b):
    pid = b.node.agent.pid

    def children():
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return f.read().split()
    before, tables = b.node.status(), in_kernel(b)
    path = b.file([ingress_policy('srv', 'srv')])
    for _ in range(3):
        b.diff(path)
    expect(True, tables == in_kernel(b), 'the tables are as before')
    wait_for('the children have ended', lambda: not children())
    after = b.node.status()
    for key in ('generation', 'drift', 'endpoints'):
        if key == 'drift':
            expect(before[key]['found'], after[key]['found'], key)
        else:
            expect(before[key], after[key], key)
    allowed(b.ok, b.srv, TCP)
    b.node.stop_agent()
    try:
        expect(3, b.run(path)[0], 'no agent')
    finally:
        b.node.start_agent('--quota-rules', '2')
    doc = b.diff(path)
    expect([], doc['problems'], 'within the quota')
    many = b.diff(b.file([ingress_policy('many', 'lone', 'ok', 'bad', 'srv')]),
                  code=4)
    expect(['NetworkPolicy/shop/many'], [p['object'] for p in
                                         many['problems']], 'beyond it')
    if not any('since the agent began' in n for n in doc['notes']):
        raise Fail('does not say how little it knows', str(doc['notes']))


if __name__ == '__main__':
    sys.exit(SHARED.main(Bed))

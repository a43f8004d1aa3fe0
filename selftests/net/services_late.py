#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Services of which a pod may reach some backends and not others: judged by
the one that was chosen, behind the translation, by a program of its own; and by
all of them, as soon as that program is not there.

    services_late.py [PART-OF-A-NAME]

test_services.py asks the QUICK ones, too.
"""
import json
import os
import signal
import sys
import time

from cases.dsl import block, both, out_of, pods, port, sel, spaces, to
from test_services import (NODE_PORT, Service, Through, apply, asks, probe,
                           to_pods_of, to_service, translate)
from wdnet import bpf
from wdnet.ask import until
from wdnet.cluster import WORLD, e2e
from wdnet.refuse import Refuse
from wdnet.shared import pin
from wdnet.tap import Fail, Tap, expect

TESTS = []
LONG = os.environ.get('WD_LONG') == '1'
PROGRAMS = ('full', 'compat', 'minimal') if LONG else ('full',)


def test(*rungs):
    def keep(function):
        TESTS.append((function, rungs or ('full',)))
        return function
    return keep


class Mixed(Service):
    """Of namespace y: y/b, which x/a may reach here, and z/a. @chosen: what
    the proxy takes, all the time; both in turn if it is not said."""

    def __init__(self, c, number, **kw):
        super().__init__('y', f'mixed{number}', number,
                         [c.pod('y/b'), c.pod('z/a')], by='slices', **kw)
        self.all = list(self.backends)

    def chosen(self, key):
        self.backends = [p for p in self.all if p.key == key]
        self.also = [p for p in self.all if p.key != key]
        return self


def may(*namespaces):
    return out_of('x', sel(pod='a'), *(to_pods_of(ns) for ns in namespaces))


def is_exact(node, want=True, seconds=20):
    until(want, lambda: node.status()['services']['exact'],
          f'services judged exactly on {node.name}', seconds)


def dropped(node):
    return sum(node.counter(r, 'egress') for r in ('DEFAULT', 'SERVICE'))


def audited(node):
    return sum(c['packets'] for c in node.status()['counters']
               if (c['reason'], c['direction'], c['verdict'])
               == ('DEFAULT', 'egress', 'audit'))


def without_a_hit(node):
    """Egress rules by place: what passes by uncounted, and unused; since when."""
    doc = json.loads(node.warder('policy', 'unused', '--json')[1])
    egress = {key: [r for r in doc[key] if r['direction'] == 'egress']
              for key in ('not_known', 'unused')}
    return ([r['index'] for r in egress['not_known']
             if 'backends' in r['not_counted']],
            {r['index']: r['counts']['no_hit_since'] for r in egress['unused']})


def wait_unused(node, mixed, exact):
    """Only rules that some backend is a peer of are not known."""
    until((mixed, exact), lambda: tuple(
        list(part) for part in without_a_hit(node)), 'not known and unused')
    return without_a_hit(node)[1]


@test(*PROGRAMS)
def the_backend_that_is_chosen_decides(c):
    s = Mixed(c, 40, node_port=NODE_PORT, external=WORLD['ext2'],
              balancer={4: '198.51.100.40', 6: 'fd00:40::40'})
    x, free = c.pod('x/a'), c.pod('x/c')
    apply(c, [s], [may('y', 'x')])
    is_exact(x.node)
    own, other = (c.nodes[i] for i in (0, 1))
    expect(own, x.node, 'the node of x/a')
    wait_unused(own, [0], [1])
    for key, answer in (('y/b', 'y/b'), ('z/a', None)):
        translate(c, [s.chosen(key)])
        before = dropped(own)
        asks(c, x, *[(what, ips, number, 'tcp', answer)
                     for what, ips, number in (
                         ('ClusterIP', s.ips, 80),
                         ('external IP', s.external, 80),
                         ('load balancer', s.balancer, 80),
                         ('node port', own.ips, NODE_PORT))],
             # that one is translated elsewhere
             ('node port elsewhere', other.ips, NODE_PORT, 'tcp', None))
        asks(c, free, ('ClusterIP', s.ips, 80, 'tcp', key),
             ('node port elsewhere', other.ips, NODE_PORT, 'tcp', key))
        if not answer:
            expect(True, dropped(own) >= before + 10, 'drops are counted')
    time.sleep(1.1)  # times are told to a second
    apply(c, [], [may('y', 'x')])
    since = wait_unused(own, [], [0, 1])
    expect(True, since[1] < since[0], f'nothing passed by since {since}')


@test()
def both_are_met_in_turn(c):
    s = Mixed(c, 41)
    udp = Mixed(c, 42, proto='udp')
    x = c.pod('x/a')
    apply(c, [s, udp], [may('y')])
    is_exact(x.node)
    asked = [(None, None, service.ips[f], 80, service.proto, None)
             for service in (s, udp) for f in c.families for _ in range(4)]
    answers = {}
    for _ in range(10):
        for q, got in zip(asked, probe(x, asked, 1.5)):
            answers.setdefault((q[2], q[4]), set()).add(got)
        if all(got == {'y/b', None} for got in answers.values()):
            return
        if any(got - {'y/b', None} for got in answers.values()):
            break
    raise Fail('answers by address', answers)


@test(*PROGRAMS)
def what_a_policy_takes_back_is_cut(c):
    tcp, udp = Mixed(c, 43), Mixed(c, 44, proto='udp')
    x = c.pod('x/a')
    apply(c, [tcp, udp], [may('y')])
    is_exact(x.node)
    translate(c, [tcp.chosen('y/b'), udp.chosen('y/b')])
    flows = [Through(x, s, f, s.proto) for s in (tcp, udp)
             for f in c.families]
    for flow in flows:
        flow.client_speaks(True)
    c.apply([may('z')] + [m for s in (tcp, udp) for m in s.manifests()])
    for flow in flows:
        flow.client_speaks(False)
        if flow.proto == 'tcp':
            flow.server_speaks(False)
    c.apply([may('y')] + [m for s in (tcp, udp) for m in s.manifests()])
    for flow in flows:
        if flow.proto == 'tcp':
            flow.server_speaks(True)
        flow.client_speaks(True)
        flow.close()
    translate(c, [tcp.chosen('z/a'), udp.chosen('z/a')])
    asks(c, x, to_service(tcp, False), to_service(udp, False))
    c.apply([may('z')] + [m for s in (tcp, udp) for m in s.manifests()])
    asks(c, x, to_service(tcp), to_service(udp))


@test()
def a_node_may_be_chosen(c):
    def backend(node):
        class Backend:
            ips, key = node.ips, node.name
        return Backend
    here, there = (backend(n) for n in c.nodes)
    x = c.pod('x/a')
    for number, good, bad in ((45, here, there), (46, there, here)):
        s = Service('x', f'nodes{number}', number, [good], at=443,
                    by='slices', also=[bad])
        apply(c, [s], [out_of('x', sel(pod='a'), to(
            *(block(f'{ip}/{128 if f == 6 else 32}')
              for f, ip in good.ips.items()), ports=[port(80)]))])
        is_exact(x.node)
        asks(c, x, to_service(s))
        s.backends, s.also = [bad], [good]
        translate(c, [s])
        asks(c, x, to_service(s, False))


def told_of(c, x, s, reason):
    """The event of a denied question; it is asked until the monitor tells."""
    watch = x.node.warder_popen('monitor', '--drops', '--json')
    os.set_blocking(watch.stdout.fileno(), False)
    text, end = '', time.monotonic() + 20
    try:
        while time.monotonic() < end:
            asks(c, x, to_service(s, False))
            try:
                text += os.read(watch.stdout.fileno(), 65536).decode()
            except BlockingIOError:
                continue
            for line in text.split('\n')[:-1]:
                if json.loads(line)['reason'] == reason:
                    return json.loads(line)
    finally:
        watch.kill()
        watch.wait()
    raise Fail(f'no event of {reason}', text)


@test()
def the_drop_is_told_with_the_backend(c):
    s = Mixed(c, 47).chosen('z/a')
    x = c.pod('x/a')
    apply(c, [s], [may('y')])
    is_exact(x.node)
    event = told_of(c, x, s, 'DEFAULT')
    expect(('DEFAULT', 'egress', 'drop'),
           tuple(event[k] for k in ('reason', 'direction', 'verdict')),
           'event')
    expect(True, event['to']['address'] in c.pod('z/a').ips.values(), event)
    code, text, _ = x.node.warder('why', x.key, f'{s.ips[4]}:80', ok=None)
    expect((0, True, True),
           (code, 'judged after translation' in text, 'SERVICE_LATE' in text),
           text)
    doc = json.loads(x.node.warder('why', x.key, f'{s.ips[4]}:80',
                                   '--json')[1])
    expect((2, 1, True, False),
           (doc['service']['backends'], doc['service']['allowed'],
            doc['service']['late'], doc['drift']), 'why')


@test(*PROGRAMS)
def what_nobody_translates_is_dropped(c):
    s = Mixed(c, 48)
    x = c.pod('x/a')
    apply(c, [s], [may('y')])
    is_exact(x.node)
    translate(c, [])
    before = x.node.counter('SERVICE', 'egress')
    asks(c, x, to_service(s, False))
    expect(True, x.node.counter('SERVICE', 'egress') >= before + 2,
           'counted as SERVICE')
    apply(c, [s], [may('y', 'z')])
    translate(c, [])
    before = x.node.counter('SERVICE', 'egress')
    asks(c, x, to_service(s, False))  # its way is the fabric's
    expect(before, x.node.counter('SERVICE', 'egress'),
           'all are allowed: it is not our matter')


@test()
def more_kinds_than_are_looked_at_are_judged_so_too(c):
    s = Mixed(c, 49)
    many = [{'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice',
             'metadata': {'name': f'many-{i}', 'namespace': 'y', 'labels': {
                 'kubernetes.io/service-name': s.name}},
             'addressType': 'IPv4',
             'ports': [{'name': 'web', 'port': 8000 + i, 'protocol': 'TCP'}],
             'endpoints': [{'addresses': [c.pod('z/a').ips[4]]}]}
            for i in range(20)]
    x = c.pod('x/a')
    apply(c, [s], [may('y')] + many)
    is_exact(x.node)
    translate(c, [s.chosen('y/b')])
    asks(c, x, to_service(s))
    translate(c, [s.chosen('z/a')])
    asks(c, x, to_service(s, False))
    code, text, _ = x.node.warder('why', x.key, f'{s.ips[4]}:80', ok=None)
    expect((0, True), (code, 'SERVICE_LATE' in text), text)


@test()
def audit_lets_pass_and_counts(c):
    s = Mixed(c, 50).chosen('z/a')
    x = c.pod('x/a')
    apply(c, [s], [may('y')])
    is_exact(x.node)
    asks(c, x, to_service(s, False))
    x.annotations = {'warder.io/mode': 'audit'}
    try:
        c.apply()
        before = audited(x.node)
        asks(c, x, to_service(s))
        expect(True, audited(x.node) > before, 'counted as audit')
    finally:
        x.annotations = {}
        c.apply()
    asks(c, x, to_service(s, False))


@test()
def a_translation_at_another_priority_is_seen(c):
    """All destinations are translated at one place, whatever chains say."""
    s = Mixed(c, 51)
    x = c.pod('x/a')
    apply(c, [s], [may('y')])
    is_exact(x.node)
    translate(c, [])
    for key, want in (('y/b', True), ('z/a', False)):
        s.backends = [c.pod(key)]
        for f in c.families:
            ip, to_ip = ('ip', s.backends[0].ips[4]) if f == 4 else \
                ('ip6', f'[{s.backends[0].ips[6]}]')
            x.node.ns.run(['nft', '-f', '-'], '\n'.join([
                f'table {ip} after', f'delete table {ip} after',
                f'table {ip} after {{', 'chain pre {',
                'type nat hook prerouting priority 300;',
                f'{ip} daddr {s.ips[f]} tcp dport 80 dnat to {to_ip}:80',
                '}', '}']))
        asks(c, x, to_service(s, want))
    for ip in ('ip', 'ip6'):
        x.node.ns.run(['nft', 'delete', 'table', ip, 'after'])


def ended(node, *args):
    node.warder('stop', *args)
    node.agent.wait(30)
    node.agent = None


def pins_of(node):
    return f'/proc/{node.host.pid}/root{node.bpffs}/late'


class Asking:
    """@pod asks a service all the time, from new ports."""

    def __init__(self, c, pod, s):
        self.pod, self.names = pod, []
        for f in c.families:
            for proto in ('tcp', 'udp') if s.proto == 'tcp' else ('udp',):
                name = f's-{s.name}-{f}-{proto}'
                if proto != s.proto:
                    continue
                pod.handle.ask('stream', ident=name, interval=0.005,
                               target=[proto, None, s.ips[f], s.at],
                               timeout=0.5)
                self.names.append(name)

    def end(self):
        for name in self.names:
            self.pod.handle.ask('pause', ident=name)
        time.sleep(1)
        got = [self.pod.handle.ask('tally', ident=n) for n in self.names]
        for t in got:
            expect(0, t['answered'], f'answers of {t}')


@test()
def nobody_slips_through_while_it_comes_and_goes(c):
    good, bad = Mixed(c, 52), Mixed(c, 53, proto='udp')
    x = c.pod('x/a')
    good.chosen('y/b'), bad.chosen('z/a')
    apply(c, [good, bad], [may('y')])
    node = x.node
    is_exact(node)
    pins = pins_of(node)
    asking = Asking(c, x, bad)
    for sig in (signal.SIGTERM, signal.SIGKILL):
        node.stop_agent(sig)
        asks(c, x, to_service(good))
        node.start_agent()
        asks(c, x, to_service(good))
        is_exact(node)
    for rung in ('minimal', 'nft', 'full'):
        pin(c, rung)
        is_exact(node)
        asks(c, x, to_service(good))
        if rung == 'nft':
            until(False, lambda: os.path.exists(pins), 'pins on nft', 20)
    # pins alone, then the links as well while nobody looks
    for name in os.listdir(pins):
        os.unlink(f'{pins}/{name}')
    until(2, lambda: len(os.listdir(pins)), 'pins')
    asking.end()
    node.stop_agent()
    for name in os.listdir(pins):
        os.unlink(f'{pins}/{name}')
    asking = None
    node.start_agent()
    is_exact(node)
    asking = Asking(c, x, bad)
    asks(c, x, to_service(good), to_service(bad, False))
    asking.end()


@test()
def what_takes_it_off_is_found(c):
    good, bad = Mixed(c, 54), Mixed(c, 55)
    x = c.pod('x/a')
    apply(c, [good, bad], [may('y')])
    is_exact(x.node)
    translate(c, [good.chosen('y/b'), bad.chosen('z/a')])
    pins = pins_of(x.node)
    before = x.node.status()['drift']['found']
    for name in os.listdir(pins):
        bpf.link_detach(f'{pins}/{name}')
    until(True, lambda: x.node.status()['drift']['found'] > before, 'drift')
    until(2, lambda: len(os.listdir(pins)), 'pins')
    asks(c, x, to_service(good), to_service(bad, False))


@test()
def where_it_cannot_be_each_backend_must_be_allowed(c):
    s = Mixed(c, 56).chosen('y/b')
    x = c.pod('x/a')
    node = x.node
    apply(c, [], [may('y')])
    ended(node, '--detach')
    expect(False, os.path.exists(pins_of(node)), 'pins after stop --detach')
    taken = 'table ip taken {' + ''.join(
        f'chain c{p} {{ type filter hook prerouting priority -{p}; }}\n'
        for p in range(80, 100)) + '}'
    node.ns.run(['nft', '-f', '-'], taken)
    try:
        node.start_agent()
        apply(c, [s], [may('y')])
        asks(c, x, to_service(s, False),
             ('its backend', c.pod('y/b').ips, 80, 'tcp', 'y/b'))
        services = node.status()['services']
        expect((False, True), (services['exact'], 'EBUSY' in services['why']
                               or 'busy' in services['why']), services)
        expect(1, node.warder('why', x.key, f'{s.ips[4]}:80', ok=None)[0],
               'why says drop')
    finally:
        node.ns.run(['nft', 'delete', 'table', 'ip', 'taken'])
    node.warder('ladder', 'climb')
    is_exact(node)
    asks(c, x, to_service(s))


# What is refused of it, and what status says then, besides what was tried.
REFUSALS = (
    ('bpf:PROG_LOAD name=wd_late errno=E2BIG log="BPF program is too large. '
     'Processed 1000001 insn\\nprocessed 1000001 insns (limit 1000000) '
     'max_states_per_insn 30\\n"', 'wd_late'),
    ('bpf:PROG_LOAD name=wd_late errno=EACCES log="R2 invalid mem access '
     "'inv'" '\\nprocessed 9 insns\\n"', 'wd_late'),
    ('bpf:PROG_LOAD name=wd_late errno=EPERM', 'wd_late'),
    ('bpf:PROG_LOAD name=wd_late errno=EINVAL', 'wd_late'),
    ('bpf:PROG_LOAD name=wd_late errno=524', 'wd_late'),
    ('bpf:LINK_CREATE name=wd_late errno=EINVAL', 'wd_late4'),
    ('bpf:LINK_CREATE name=wd_late errno=EPERM after=1', 'wd_late6'),
    ('bpf:OBJ_PIN name=wd_late4* errno=ENOSPC', 'wd_late4'),
    ('bpf:OBJ_PIN name=wd_late6* errno=EPERM', 'wd_late6'),
)


@test()
def where_it_is_refused_each_backend_must_be_allowed(c):
    """The rung is as it was; what is allowed by all goes on."""
    good, bad = Mixed(c, 59).chosen('y/b'), Mixed(c, 60).chosen('z/a')
    x = c.pod('x/a')
    node = x.node
    apply(c, [good, bad], [may('y')])
    refuse = Refuse(node)
    try:
        for rule, tried in REFUSALS:
            ended(node, '--detach')
            refuse.set(rule)
            node.start_agent()
            node.sync()
            until(True, lambda: tried in node.status()['services']['why'],
                  f'{rule}: {tried} in {node.status()["services"]}')
            status = node.status()
            expect(('full', False), (status['rung'],
                                     status['services']['exact']), rule)
            asks(c, x, to_service(good, False), to_service(bad, False),
                 ('its backend', c.pod('y/b').ips, 80, 'tcp', 'y/b'))
        refuse.set()
        node.warder('ladder', 'climb')
        is_exact(node)
        asks(c, x, to_service(good), to_service(bad, False))
    finally:
        node.wrapper = []
        if node.agent:
            node.stop_agent()
        refuse.close()
        node.start_agent()


@test()
def connections_from_before_are_judged(c):
    good, bad = Mixed(c, 57), Mixed(c, 58)
    good.all = bad.all = [c.pod('y/a'), c.pod('z/b')]
    x = c.pod('x/a')
    node = x.node
    apply(c, [good.chosen('y/a'), bad.chosen('z/b')], [may('y')])
    is_exact(node)
    kept = [Through(x, good, f, 'tcp') for f in c.families]
    node.stop_agent()
    node.start_agent()
    is_exact(node)
    for flow in kept:
        flow.client_speaks(True)
        flow.server_speaks(True)
        flow.close()
    ended(node, '--detach')
    flows = [(Through(x, s, f, 'tcp'), s is good) for s in (good, bad)
             for f in c.families]
    node.start_agent()
    is_exact(node)
    for flow, want in flows:
        flow.client_speaks(want)
        flow.server_speaks(want)
        flow.close()


QUICK = (the_backend_that_is_chosen_decides,)


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    c = e2e()
    try:
        for rung in PROGRAMS:
            if rung != 'full':
                pin(c, rung)
            for function, rungs in TESTS:
                name = f'{function.__name__}, {rung}'
                if rung in rungs and only in name:
                    tap.run(name, function, c)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

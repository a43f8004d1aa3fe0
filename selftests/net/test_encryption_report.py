#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder encryption status` and `report` of a live agent: counters that stand
in the map come out with the names of namespaces and nodes, once, over agents
that end, crash and come again. What programs count is tested elsewhere."""
import html.parser
import json
import os
import re
import signal
import socket
import struct
import sys
import time

from wdnet import bpf
from wdnet.solo import Solo, wait_for
from wdnet.tap import Fail, Tap, expect

KINDS = ('wireguard', 'esp', 'dropped', 'exempt', 'hbone', 'linkerd', 'clear',
         'nodes')
EGRESS, INGRESS = 1, 0
NODE_ONLY = 'node-a'


def possible():
    """CPUs that a per-CPU map has values for."""
    with open('/sys/devices/system/cpu/possible', encoding='ascii') as f:
        last = re.split('[-,]', f.read().strip())[-1]
    return int(last) + 1


class Counted:
    """Puts counters into the map, as programs would."""

    def __init__(self, c):
        self.c, self.node = c, c.only_node
        self.counters = {}

    def map(self, name):
        return bpf.Map(f'/proc/{self.node.host.pid}/root{self.node.bpffs}'
                       f'/maps/{name}')

    def number(self, pod):
        """Of its namespace and of its node, as programs know them."""
        addrs = self.map('wd_addr4')
        *_, node, ns = struct.unpack('=7I', addrs.get(
            socket.inet_aton(pod.ips[4])))
        addrs.close()
        return ns, node

    def add(self, kind, src, dst, packets, direction=EGRESS, node=0):
        """@src, @dst: pods, or None: a node. Gives packets on all CPUs."""
        key = struct.pack('=IIIBBBB', self.number(src)[0] if src else 0,
                          self.number(dst)[0] if dst else 0, node,
                          KINDS.index(kind), direction, 4, 0)
        count = self.counters[key] = self.counters.get(key, 0) + packets
        cover = self.map('wd_cover')
        cover.value_size *= possible()  # one for each CPU
        cover.set(key, struct.pack('=QQ', count, count * 100) * possible())
        cover.close()
        return packets * possible()


def report(c, *args):
    return json.loads(c.only_node.warder('encryption', 'report', '--json',
                                         *args)[1])


def status(c, ok=0):
    return json.loads(c.only_node.warder('encryption', 'status', '--json',
                                         ok=ok)[1])


def packets(doc, kind, src=None, dst=None):
    """Of a pair of namespaces; everything if none is named."""
    return sum(p['counts'][kind]['packets'] for p in doc['namespaces']
               if kind in p['counts'] and (src is None or
                                           (src, dst) == (p['from'], p['to'])))


def total(doc):
    return sum(k[way]['packets'] for k in doc['kinds']
               for way in ('egress', 'ingress'))


def test_nothing_required(c, _):
    doc = status(c)
    expect('nothing has to be encrypted', doc['answer'], 'answer')
    expect([], doc['problems'], 'problems')
    expect('none', doc['requirement']['pods'], 'requirement')
    expect(['shop'], [n['namespace'] for n in
                      doc['requirement']['namespaces']], 'namespaces')
    if 'nothing-required' not in [p['path'] for p in
                                  report(c)['not_covered']]:
        raise Fail('the report does not say that nothing is required')


def test_names(c, counted):
    srv, ok, _ = c.pods
    node = counted.number(srv)[1]
    sent = counted.add('wireguard', ok, srv, 7, node=node)
    doc = report(c)
    expect(sent, packets(doc, 'wireguard', 'shop', 'shop'), 'packets')
    peers = [(n['node'], n['peer'], n['direction']) for n in doc['nodes']]
    expect([(NODE_ONLY, NODE_ONLY, 'egress')], peers, 'nodes')
    row, = doc['rows']
    expect((sent * 100, 4, 'wireguard'),
           (row['bytes'], row['family'], row['kind']), 'row')
    sent = counted.add('exempt', None, srv, 2, INGRESS)
    expect(sent, packets(report(c), 'exempt', None, 'shop'), 'from a node')


def test_agents_come_and_go(c, counted):
    srv, ok, _ = c.pods
    before = total(report(c))
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        before += counted.add('wireguard', ok, srv, 3)
        expect(before, total(report(c)), 'before the end')
        before += counted.add('clear', ok, srv, 1)
        c.only_node.stop_agent(sig)
        before += counted.add('dropped', srv, ok, 5)
        c.only_node.start_agent()
        doc = report(c)
        expect(before, total(doc), f'after signal {sig}')
        expect([], doc['gaps'], 'gaps')
    for kind in ('wireguard', 'clear', 'dropped'):
        if not packets(doc, kind, 'shop', 'shop'):
            raise Fail(f'{kind}: not of the namespaces', doc['namespaces'])


# Read before all else, so that a new agent sees them first.
LATER = '''apiVersion: v1
kind: Namespace
metadata: {name: aaa}
---
apiVersion: v1
kind: Node
metadata: {name: a-node}
status: {addresses: [{type: InternalIP, address: 192.0.2.99}]}
---
apiVersion: v1
kind: Pod
metadata: {name: far, namespace: aaa, uid: far}
spec: {nodeName: a-node}
status: {phase: Running, podIPs: [{ip: 10.99.9.9}]}
'''


def test_numbers_stay(c, counted):
    """Else another agent takes what one has counted for another namespace's,
    and the peer of one node for that of another."""
    class Far:
        ips = {4: '10.99.9.9'}

    def last():
        path = os.path.join(c.only_node.dir, 'state', 'encryption.last')
        with open(path, encoding='ascii') as f:
            return f.read().split()

    srv = c.pods[0]
    c.write('aa.yaml', LATER)
    c.sync()
    before = counted.number(srv), counted.number(Far)
    wait_for('new names are written', lambda: {'aaa', 'a-node'} <= set(last()))
    for sig in (signal.SIGKILL, signal.SIGTERM):
        c.only_node.stop_agent(sig)
        c.only_node.start_agent()
        expect(before, (counted.number(srv), counted.number(Far)),
               f'namespace and node after signal {sig}')
    c.write('aa.yaml', None)
    c.sync()


def test_since(c, _):
    all_of_it = report(c)
    expect(total(all_of_it), total(report(c, '--since', '90d')), '90 days')
    expect(None, all_of_it['since'], 'nothing was asked')
    doc = report(c, '--since', '1h')
    if not doc['since'] < doc['to'] or doc['seconds']['known'] > 3600:
        raise Fail('an hour', doc['since'], doc['seconds'])
    code, _, err = c.only_node.warder('encryption', 'report', '--since',
                                      'soon', ok=2)
    expect(2, code, err)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attrs = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attrs += attrs


def test_page(c, _):
    path = os.path.join(c.dir, 'report.html')
    text = c.only_node.warder('encryption', 'report', f'--html={path}')[1]
    if 'not covered' not in text:
        raise Fail('the text is not there, too', text)
    with open(path, encoding='utf-8') as f:
        page = f.read()
    got = Page(page)
    expect(1, got.tags.count('svg'), 'pictures')
    for tag in ('script', 'link', 'img', 'iframe'):
        expect(0, got.tags.count(tag), tag)
    expect([], [a for a in got.attrs if a[0] in ('src', 'href')], 'files')
    if f'<b>{NODE_ONLY}</b>' not in page or 'shop to shop' not in page:
        raise Fail('names are missing', page[:3000])
    expect([], [p['path'] for p in report(c)['not_covered']
                if p['subjects'] and not p['subjects_are']], 'names of what')
    alone = c.only_node.warder('encryption', 'report', '--html')[1]
    if not alone.startswith('<!doctype html>'):
        raise Fail('no page on stdout', alone[:100])


def test_text(c, _):
    for verb in ('status', 'report'):
        text = c.only_node.warder('encryption', verb)[1]
        wide = [line for line in text.splitlines() if len(line) > 79]
        expect([], wide, f'{verb}: lines wider than a terminal')


def test_new_map(c, counted):
    """`stop --detach` ends the map: the record of before stays, with a gap."""
    before = total(report(c))
    c.only_node.warder('stop', '--detach')
    c.only_node.agent.wait(30)
    c.only_node.start_agent()
    counted.counters = {}
    doc = report(c)
    expect(before, total(doc), 'what was counted before')
    srv, ok, _ = c.pods
    before += counted.add('clear', ok, srv, 1)
    expect(before, total(report(c)), 'with the new map')


def test_required(c, _):
    """With the requirement in force the answer says what guards it."""
    c.only_node.stop_agent()
    c.only_node.start_agent('--encryption', 'required')
    code, out, _ = c.only_node.warder('encryption', 'status', '--json',
                                      ok=None)
    doc = json.loads(out)
    expect('required', doc['requirement']['pods'], 'requirement')
    expect(True, doc['requirement']['judged'], 'judged')
    expect([], [d for d in doc['wires']['devices'] if not d['guarded']],
           'devices without programs')
    # no WireGuard and no prefix here: each finding is a problem, and a "no"
    found = {f['finding'] for f in doc['wireguard']['findings']}
    blind = {f'no {family} prefix of the cluster is known'
             for family in ('IPv4', 'IPv6')}
    expect(found | blind, {p.split(':')[0] for p in doc['problems']},
           'problems')
    expect(1 if found else 0, code, f'exit code with {found}')
    paths = [p['path'] for p in report(c)['not_covered']]
    if 'nothing-required' in paths or 'namespace-not-required' in paths:
        raise Fail('still not required', paths)


def test_ruleset(c, _):
    """Where no programs are in force it is no proof, and told so."""
    before = report(c)['seconds']
    c.only_node.warder('ladder', 'pin', 'nft')
    time.sleep(1.1)  # seconds are what is told
    code, out, _ = c.only_node.warder('encryption', 'status', '--json',
                                      ok=None)
    doc = json.loads(out)
    expect((1, False), (code, doc['requirement']['judged']),
           'exit code, judged')
    if not any('rung nft' in p for p in doc['problems']):
        raise Fail('the rung is no problem', doc['problems'])
    doc = report(c)
    if 'not-judged' not in [p['path'] for p in doc['not_covered']]:
        raise Fail('the report does not say so')
    if doc['seconds']['known'] <= before['known'] or \
            doc['seconds']['required'] > before['required']:
        raise Fail('programs judged on', before, doc['seconds'])


def main():
    tap = Tap()
    c = Solo((4,))
    try:
        c.three()
        counted = Counted(c)
        for name, test in (
                ('where nothing is required it says so',
                 test_nothing_required),
                ('counters have the names of namespaces and nodes',
                 test_names),
                ('over agents nothing is lost or counted twice',
                 test_agents_come_and_go),
                ('numbers stay what they were', test_numbers_stay),
                ('a report begins when it is asked to', test_since),
                ('the page needs no other file', test_page),
                ('text fits a terminal', test_text),
                ('a new map begins anew', test_new_map),
                ('what guards the requirement is told', test_required),
                ('a ruleset is no proof', test_ruleset)):
            tap.run('encryption report: ' + name, test, c, counted)
    finally:
        c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

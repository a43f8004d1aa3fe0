#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder report` counts what was sent, says why what was stopped was, and its
page needs no other file and obeys no text in it.

    test_report.py [PART-OF-A-NAME]
"""
import html.parser
import json
import os
import sys

from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy, wait_for
from wdnet.tap import Fail, expect

SHARED = Shared()
VOID = {'meta', 'br'}
SPARE = {'th', 'td', 'tr', 'p', 'html', 'body'}  # whose end HTML may spare


class Bench:
    def close(self):
        self.c.close()

    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.srv, self.ok, self.bad = self.c.three()
        self.far = self.c.make_pod('far', 20, ns='ops')
        self.c.namespaces['ops'] = {'team': 'ops'}
        self.c.run_pods([self.far])
        for _ in range(3):
            expect_reach(True, self.ok, self.srv)
            expect_reach(False, self.bad, self.srv)
        expect_reach(False, self.far, self.srv)
        expect_reach(True, self.far, self.ok)
        expect_reach(True, self.ok, self.far, proto='udp', port=81)

    def doc(self):
        return json.loads(self.node.warder('report', '--json')[1])

    def pair(self, doc, *names):
        for pair in doc['seen']['pairs']:
            if (pair['from'], pair['to']) == names:
                return pair['flows'], pair['dropped_packets']
        return 0, 0


@SHARED.test
def counts_by_namespaces_are_what_was_sent(b):
    # drops are told of by events, which take their time
    doc = wait_for('all drops are known', lambda: next(
        (d for d in [b.doc()] if b.pair(d, 'shop', 'shop')[1] >= 3
         and b.pair(d, 'ops', 'shop')[1]), None))
    expect((3, 1, 1), (b.pair(doc, 'shop', 'shop')[0],
                       b.pair(doc, 'ops', 'shop')[0],
                       b.pair(doc, 'shop', 'ops')[0]), 'flows')
    counted = sum(c['packets'] for c in doc['status']['counters']
                  if (c['reason'], c['verdict']) == ('DEFAULT', 'drop'))
    expect(counted, sum(p['dropped_packets'] for p in doc['seen']['pairs']),
           'each dropped packet is of a pair')


@SHARED.test
def what_was_stopped_has_its_reason(b):
    flow = next(f for f in b.doc()['seen']['flows']
                if f['from']['name'] == 'bad')
    expect(('srv', 'tcp', 80, 'drop', 'DEFAULT', 'ingress'),
           (flow['to']['name'], flow['proto'], flow['port'],
            *(flow['now'][k] for k in ('verdict', 'reason', 'direction'))),
           'flow')
    text = b.node.warder('report')[1]
    for part in ('shop/bad', 'DEFAULT at ingress, isolated by '
                 'NetworkPolicy/shop/srv', 'nothing has to be encrypted'):
        if part not in text:
            raise Fail(f'the text does not say {part!r}', text)


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], set(), ''
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        for name, value in attrs:
            if name in ('src', 'href') or name.startswith('on'):
                raise Fail(f'<{tag} {name}={value!r}>')
        if tag not in VOID | SPARE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in SPARE and self.open.pop() != tag:
            raise Fail(f'</{tag}> ends another')

    def handle_data(self, data):
        self.text += data


@SHARED.test
def page_stands_alone(b):
    path = os.path.join(b.node.dir, 'report.html')
    out = b.node.warder('report', f'--html={path}')[1]
    expect('', out, 'nothing beside the page')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    page = Page(text)
    expect([], page.open, 'everything was ended')
    expect(set(), page.seen & {'script', 'link', 'img', 'iframe'}, 'tags')
    for part in ('Who talks to whom', 'shop/bad', 'DEFAULT', 'rung', 'full',
                 'wd_addr4', 'Encryption coverage'):
        if part not in page.text:
            raise Fail(f'the page does not say {part!r}')
    if 'url(' in text or '@import' in text:
        raise Fail('the page asks for another file')


@SHARED.test
def times_beyond_the_record_are_refused(b):
    for since in ('2h', 'x', '0s'):
        expect(2, b.node.warder('report', '--since', since, ok=None)[0], since)
    expect(2, b.node.warder('report', '--html', '--json', ok=None)[0], 'both')
    expect(30, json.loads(b.node.warder('report', '--json', '--since', '30s')
                          [1])['seen']['since_s'], 'seconds')


def planted(b):
    """Secrets where an agent has them: in its state and in objects."""
    secrets = {name: f'planted-{name}-0123456789abcdef'
               for name in ('token', 'key', 'tls', 'note')}
    folder = os.path.join(b.node.dir, 'state')
    os.makedirs(folder, exist_ok=True)
    for name, text in (
            ('kubeconfig', f'users: [{{user: {{token: {secrets["token"]}}}}}]'),
            ('wireguard.key', secrets['key']),
            ('tls.key', f'-----BEGIN PRIVATE KEY-----\n{secrets["tls"]}')):
        with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
            f.write(text + '\n')
    policy = ingress_policy('noted', 'ok', 'bad', 'srv')
    policy['metadata']['annotations'] = {'note': secrets['note']}
    b.c.apply([*b.c.policies, policy])
    return folder, secrets


@SHARED.test
def bug_report_has_no_secrets(b):
    folder, secrets = planted(b)
    with open(os.path.join(folder, 'load-planted.log'), 'w',
              encoding='utf-8') as f:
        f.write('what the verifier said\n')
    args = ('bugreport', '--state-dir', folder)
    path = os.path.join(b.node.dir, 'bugreport.txt')
    b.node.warder(*args, path)
    with open(path, 'rb') as f:
        told = [f.read().decode(errors='replace')]
    told += [b.node.warder(*args, *more)[1] for more in ((), ('--json',))]
    for text in told:
        if 'what the verifier said' not in text:
            raise Fail('not the log of a load', text)
        expect([], [s for s in secrets.values() if s in text], 'secrets')


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))

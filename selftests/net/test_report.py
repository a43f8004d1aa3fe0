#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""`warder report` counts what was sent, says why what was stopped was, and its
page needs no other file and obeys no text in it.

    test_report.py [PART-OF-A-NAME]
"""
import html.parser
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile

from wdnet.node import TOP
from wdnet.shared import Shared
from wdnet.solo import Solo, expect_reach, ingress_policy, note, wait_for
from wdnet.suite import LONG
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
    # Long names leave room for many columns only so; seen at 400 px.
    if '<th class=to><span>shop</span></th>' not in text:
        raise Fail('names of columns do not stand upright')
    if 'url(' in text or '@import' in text:
        raise Fail('the page asks for another file')


FRAME = """<!DOCTYPE html><iframe style="width:{0}px;height:600px;border:0"
src="{1}" onload="const d = this.contentDocument.documentElement;
document.title = (d.scrollWidth - d.clientWidth) + ' ' +
getComputedStyle(d.querySelector('body')).backgroundColor"></iframe>"""
BEHIND = {'dark': 'rgb(20, 24, 29)', 'light': 'rgb(255, 255, 255)'}


def looks(path, width, scheme):
    """By how many pixels the page goes beyond a window of that width, and what
    is behind its text."""
    frame = path + '.frame.html'
    with open(frame, 'w', encoding='utf-8') as f:
        f.write(FRAME.format(width, os.path.basename(path)))
    done = subprocess.run(
        ['chromium', '--headless=new', '--no-sandbox', '--disable-gpu',
         '--user-data-dir=' + path + '.browser',
         f'--blink-settings=preferredColorScheme={int(scheme == "light")}',
         '--allow-file-access-from-files', '--dump-dom', 'file://' + frame],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60,
        text=True, check=True)
    return re.search(r'<title>(.*)</title>', done.stdout)[1]


def with_long_names(b):
    """Pods that may talk to nobody of long names, and one that tries to."""
    ns = 'n' * 63
    b.c.namespaces[ns] = {}
    pods = [b.c.make_pod('p' * 60 + str(i), 30 + i, ns=ns,
                         labels={'app': 'long'}) for i in range(2)]
    b.c.policies.append(ingress_policy('l' * 63, 'long', ns=ns))
    b.c.run_pods(pods)
    expect_reach(False, *pods)


@SHARED.test
def pages_fit_a_phone_and_a_screen(b):
    """WD_LONG=1: in a browser, whatever the names are."""
    if not LONG:
        note('looked at by a browser with WD_LONG=1')
        return
    subprocess.run([os.path.join(TOP, 'tools', 'setup'), 'pages'], check=True)
    with_long_names(b)
    for command in (('report',), ('encryption', 'report')):
        path = os.path.join(b.node.dir, command[0] + '.html')
        b.node.warder(*command, f'--html={path}')
        for width in (400, 1280):
            for scheme, behind in BEHIND.items():
                expect(f'0 {behind}', looks(path, width, scheme),
                       f'{command} in {width} px, {scheme}')


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
               for name in ('token', 'key', 'tls', 'note', 'env', 'conf')}
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


def restart_with(b, secrets):
    """An agent that has them in its environment and its file of settings."""
    path = os.path.join(b.node.dir, 'warder.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(f'# {secrets["conf"]}\nmode: enforce\n')
    os.environ['PLANTED_TOKEN'] = secrets['env']
    b.node.stop_agent()
    b.node.start_agent('--config', path)


def archive(b, folder):
    """Its files by name, from where somebody else could read before."""
    path = os.path.join(b.node.dir, 'bugreport.tar')
    with open(path, 'wb'):
        os.chmod(path, 0o644)
    said = json.loads(b.node.warder('bugreport', '--json', '--state-dir',
                                    folder, path)[1])
    expect(0o600, stat.S_IMODE(os.stat(path).st_mode), 'mode')
    with tarfile.open(path) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar}
    expect((path, len(files)), (said['file'], said['files']), 'what is said')
    names = subprocess.run(['tar', 'tf', path], check=True, text=True,
                           capture_output=True).stdout.split()
    expect(list(files), names, 'as tar lists it')
    return {name.removeprefix('warder-bugreport/'): data.decode()
            for name, data in files.items()}


@SHARED.test
def bug_report_is_written_to_no_file_of_others(b):
    """Who made a file before and holds it open reads nothing of the report."""
    path = os.path.join(b.node.dir, 'planted.tar')
    with open(path, 'w+b') as before:
        os.chown(path, 65534, 65534)
        b.node.warder('bugreport', path)
        expect(b'', before.read(), 'what the other reads')
    now = os.stat(path)
    expect((0o600, os.getuid()), (stat.S_IMODE(now.st_mode), now.st_uid),
           'mode and owner')
    link = os.path.join(b.node.dir, 'link.tar')
    os.symlink(path, link)
    for there in (link, '/dev/null', b.node.dir):
        was = os.lstat(there)
        expect(1, b.node.warder('bugreport', there, ok=None)[0], there)
        expect(was.st_ino, os.lstat(there).st_ino, there)
    expect([], [f for f in os.listdir(b.node.dir)
                if f.startswith(('planted.tar.', 'link.tar.'))], 'left')


@SHARED.test
def bug_report_has_no_secrets(b):
    folder, secrets = planted(b)
    with open(os.path.join(folder, 'load-planted.log'), 'w',
              encoding='utf-8') as f:
        f.write('what the verifier said\n')
    restart_with(b, secrets)
    args = ('bugreport', '--state-dir', folder)
    told = [b.node.warder(*args, *more)[1] for more in ((), ('--json',))]
    files = archive(b, folder)
    told.append(files['kernel.txt'])
    for text in told:
        if 'what the verifier said' not in text:
            raise Fail('not the log of a load', text)
    for name, text in [*files.items(), ('text', told[0]), ('json', told[1])]:
        expect([], [k for k, s in secrets.items() if s in text],
               f'secrets in {name}')


@SHARED.test
def bug_report_has_what_each_command_says(b):
    odd = b.c.make_pod('odd', 30, {'app': 'odd', 'note': 'x\x1b[2J\u202e'})
    b.c.pods.append(odd)
    try:
        b.c.apply()
        files = archive(b, os.path.join(b.node.dir, 'state'))
    finally:
        b.c.pods.remove(odd)
        b.c.apply()
    for name, text in files.items():
        # JSON is UTF-8, for programs; text is ASCII
        bad = [c for c in text if c != '\n' and not (
            c.isprintable() or name.endswith('.json') and ord(c) > 0x9f)]
        expect([], bad, f'what a terminal would obey in {name}')
        if name.endswith('.json'):
            json.loads(text)
        if name != 'INDEX.txt' and name not in files['INDEX.txt']:
            raise Fail(f'{name} is not in the index', files['INDEX.txt'])
    expect(True, 'shop/bad' in files['endpoints.txt'], 'endpoints')
    expect('full', json.loads(files['status.json'])['rung'], 'status')
    expect(True, 'status.txt       `warder status`: exit code 0' in
           files['INDEX.txt'], files['INDEX.txt'])
    expect(True, 'warder_ready 1' in files['metrics.txt'], 'metrics')


@SHARED.test
def bug_report_without_an_agent_says_that(b):
    b.node.stop_agent(signal.SIGKILL)
    try:
        files = archive(b, os.path.join(b.node.dir, 'state'))
        expect(True, 'no agent is running' in files['status.txt'],
               files['status.txt'])
        expect(3, json.loads(files['status.json'])['code'], 'as JSON')
        expect(True, 'exit code 3' in files['INDEX.txt'], 'index')
    finally:
        b.node.start_agent()


if __name__ == '__main__':
    sys.exit(SHARED.main(Bench))

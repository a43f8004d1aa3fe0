#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Metrics of a live agent: what Prometheus' own tool says of them, whether they
move with what happens, and that nobody who asks for them holds the agent up.

    test_metrics.py [PART-OF-A-NAME]
"""
import json
import os
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

from wdnet import frag
from wdnet.solo import Solo, expect_reach, ingress_policy, note, wait_for
from wdnet.tap import Fail, Tap, expect

PORT = 9120
CROWD = 1000
PLACES = 32  # connections that are served at a time: server.c, CONN_MAX
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LIBRARY = 'libmicrohttpd.so.12'
# Where tools/setup puts what it unpacks.
TOOLS = [os.path.join(os.environ.get('WD_DEPS', ''), 'bin'),
         '/var/cache/warder/toolchain/bin',
         os.path.expanduser('~/.cache/warder/toolchain/bin')]
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def exchange(sock, request, seconds=10):
    """What a connection answers until its end."""
    sock.settimeout(seconds)
    out = b''
    try:
        sock.sendall(request)
        while piece := sock.recv(65536):
            out += piece
    except (BrokenPipeError, ConnectionResetError):
        pass  # what came before it counts
    finally:
        sock.close()
    return out.decode(errors='replace')


def request(path='/metrics', method='GET', more=''):
    return f'{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n'.encode()


class Bench:
    def __init__(self):
        self.c = Solo()
        self.node = self.c.only_node
        self.path = os.path.join(self.node.dir, 'metrics.sock')

    def restart(self, *args, sig=signal.SIGTERM, wait=True):
        self.node.stop_agent(sig)
        self.node.start_agent(*args, wait=wait)

    def connect(self, where=None):
        """@where: a port of the node's loopback; else the socket."""
        if where is None:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self.path)
            return sock
        return frag.inside(self.node.ns, socket.create_connection,
                           ('127.0.0.1', where), 10)

    def ask(self, *args, where=None, seconds=10, **kw):
        """(status, headers, body) of an answer."""
        head, _, body = exchange(self.connect(where), request(*args, **kw),
                                 seconds).partition('\r\n\r\n')
        first, *lines = head.split('\r\n')
        return int(first.split()[1]), dict(
            (k.lower(), v) for k, v in (line.split(': ', 1)
                                        for line in lines)), body

    def text(self):
        return self.node.warder('metrics')[1]

    def values(self):
        return dict(samples(self.text()))


def samples(text):
    for line in text.splitlines():
        if not line.startswith('#'):
            hit = SAMPLE.match(line)
            if not hit:
                raise Fail('no sample', line)
            name, labels, value = hit.groups()
            yield f'{name}{{{labels}}}' if labels else name, float(value)


def promtool():
    for path in [shutil.which('promtool'),
                 *(os.path.join(d, 'promtool') for d in TOOLS)]:
        if path and os.access(path, os.X_OK):
            return path
    raise Fail('no promtool; run `tools/setup test`')


def lint(text):
    done = subprocess.run([promtool(), 'check', 'metrics'], input=text,
                          text=True, capture_output=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


@test
def without_the_library_it_enforces_and_says_so(b):
    """It comes later, and so do the metrics."""
    known = subprocess.run(['/sbin/ldconfig', '-p'], text=True, check=True,
                           capture_output=True).stdout
    where = os.path.realpath(re.search(
        rf'{re.escape(LIBRARY)} .* => (\S+)', known)[1])
    b.node.ns.run(['mount', '--bind', '/dev/null', where])
    b.restart('--metrics', 'unix:' + b.path)
    doc = b.node.status()['metrics']
    expect('unix:' + b.path, doc['served_at'], 'where')
    expect(True, LIBRARY in doc['error'], doc['error'])
    b.node.ns.run(['umount', where])
    b.c.three()
    expect_reach(True, b.c.pods[1], b.c.pods[0])
    wait_for('metrics are served', lambda: os.path.exists(b.path), 10)
    expect(None, b.node.status()['metrics']['error'], 'error')


@test
def socket_is_for_its_owner(b):
    st = os.stat(b.path)
    expect((True, 0o600, 0), (stat.S_ISSOCK(st.st_mode),
                              stat.S_IMODE(st.st_mode), st.st_uid), 'socket')


@test
def prometheus_finds_nothing_wrong(b):
    status, headers, body = b.ask()
    expect(200, status, 'status')
    expect('text/plain; version=0.0.4; charset=utf-8',
           headers['content-type'], 'type')
    expect((0, ''), lint(body), 'promtool check metrics')
    # the tool does find something
    expect(3, lint('# TYPE a_total gauge\na_total 1\n')[0], 'its complaint')


@test
def command_prints_what_is_served(b):
    served, printed = b.ask()[2], b.text()
    expect([s for s, _ in samples(served)], [s for s, _ in samples(printed)],
           'series')
    doc = json.loads(b.node.warder('metrics', '--json')[1])
    expect(['content_type', 'text'], sorted(doc), 'keys')


@test
def series_are_as_many_with_any_number_of_pods(b):
    before = list(b.values())
    extra = [b.c.make_pod(f'more-{i}', 100 + i) for i in range(30)]
    for pod in extra:
        pod.phase, pod.known_ips = 'Running', dict(pod.ips)
    b.c.pods += extra
    policies = b.c.policies
    try:
        b.c.apply(policies + [ingress_policy(p.name, p.name, 'ok')
                              for p in extra])
        values = b.values()
        expect(before, list(values), 'series')
        expect(33.0, values['warder_objects{kind="Pod"}'], 'pods')
        expect(30.0, values['warder_endpoints{state="unguarded"}'], 'strays')
    finally:
        b.c.pods = [p for p in b.c.pods if p not in extra]
        b.c.apply(policies)


@test
def packets_move_them(b):
    srv, ok, bad = b.c.pods
    name = 'warder_packets_total{reason="%s",direction="%s",verdict="%s"}'
    drops = name % ('DEFAULT', 'ingress', 'drop')
    allowed = name % ('POLICY_ALLOW', 'ingress', 'allow')
    before = b.values()
    for _ in range(2):
        expect_reach(False, bad, srv)
    expect_reach(True, ok, srv)
    after = b.values()
    expect(True, after[drops] >= before[drops] + 2, 'drops')
    expect(before[allowed] + 1, after[allowed], 'allowed')
    expect(float(b.node.counter('DEFAULT', 'ingress')), b.values()[drops],
           'as status says')
    size = drops.replace('warder_packets', 'warder_packet_bytes')
    expect(True, after[size] - before[size] >= 2 * 40, 'bytes')
    expect(True, after['warder_map_entries{map="wd_flow"}'] > 0, 'flows')


@test
def one_rung_is_in_force(b):
    name = 'warder_rung{family="pods",rung="%s"}'
    for pin, rung in (('nft', 'nft'), ('auto', 'full')):
        b.node.warder('ladder', 'pin', pin)
        values = b.values()
        expect({rung: 1.0}, {r: values[name % r] for r in (
            'full', 'compat', 'minimal', 'nft', 'hold', 'none')
            if values[name % r]}, 'rungs')
        expect(1.0, values['warder_rung_cause{cause="none"}'], 'cause')
        expect(1.0, values['warder_rung{family="wires",rung="none"}'],
               'wires')


@test
def wrong_objects_and_lost_sources_are_counted(b):
    b.c.write('extra.yaml', 'kind: Pod\nmetadata: {{\n')
    b.c.sync()
    name = 'warder_object_problems{effect="kept"}'
    expect(1.0, b.values()[name], name)
    b.c.write('extra.yaml', None)
    b.c.sync()
    values = b.values()
    expect(0.0, values[name], name)
    age = time.time() - values['warder_source_last_read_timestamp_seconds']
    expect(True, 0 <= age < 12, f'age of the source: {age}')
    os.rename(b.c.manifests, b.c.manifests + '.away')
    try:
        wait_for('the source is lost',
                 lambda: b.values()['warder_source_lost'] == 1)
    finally:
        os.rename(b.c.manifests + '.away', b.c.manifests)
    wait_for('it is back', lambda: b.values()['warder_source_lost'] == 0)


@test
def requests_of_all_kinds_are_answered(b):
    expect((200, 'ok\n'), b.ask('/healthz')[::2], '/healthz')
    expect(404, b.ask('/')[0], '/')
    expect(404, b.ask('/metrics/')[0], '/metrics/')
    expect(200, b.ask('/metrics?x=1')[0], 'with a query')
    status, headers, _ = b.ask(method='POST',
                               more='Content-Length: 9\r\n')
    expect((405, 'GET, HEAD'), (status, headers['allow']), 'POST')
    expect((200, ''), b.ask(method='HEAD')[::2], 'HEAD')
    for bad, want in ((b'A: b\r\n' * 9000, 431), (b'a' * 100000, 414)):
        head = b'GET /' if want == 414 else b'GET / HTTP/1.1\r\n'
        got = exchange(b.connect(), head + bad + b' HTTP/1.1\r\n\r\n')
        expect(f'HTTP/1.1 {want}', got[:12], 'answer to too much')
    waiting = []  # what is no request yet is waited for, a few seconds
    for bad in (b'', b'\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/1.1\r\nHo',
                b'\x16\x03\x01\x02\x00' * 50, b'\0' * 3000):
        waiting.append(b.connect())
        waiting[-1].sendall(bad)
    expect(200, b.ask()[0], 'beside these')
    for sock in waiting:
        sock.close()


@test
def socket_of_a_killed_agent_is_replaced(b):
    b.restart(sig=signal.SIGKILL)
    expect(200, b.ask()[0], 'after SIGKILL')
    b.node.stop_agent()
    expect(False, os.path.exists(b.path), 'socket of an agent that ended')


@test
def wires_and_findings_are_told(b):
    b.node.start_agent('--metrics', str(PORT), '--encryption', 'required')
    name = 'warder_wireguard_findings{finding="no-device",stops="1"}'
    wait_for('finding no-device', lambda: b.values()[name] == 1)
    values = b.values()
    expect(1.0, values['warder_encryption_required'], 'required')
    expect(1.0, values['warder_rung{family="wires",rung="full"}'], 'wires')
    expect(0.0, values['warder_wires{state="unguarded"}'], 'unguarded')
    expect(True, 'warder_encryption_packets_total{evidence="dropped",'
           'direction="egress"}' in values, 'evidence')
    expect((0, ''), lint(b.text()), 'promtool check metrics')


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        words = f.read().rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


def slowest_status(b, count=5):
    slowest = 0
    for _ in range(count):
        begun = time.monotonic()
        b.node.warder('status')
        slowest = max(slowest, time.monotonic() - begun)
    return slowest


def asked(b):
    try:
        return b.ask(where=PORT, seconds=2)[0] == 200
    except OSError:
        return False  # in the queue behind those who are gone


@test
def those_who_fill_it_leave_at_once(b):
    """All places end in one moment: who comes next is served."""
    crowd = [b.connect(PORT) for _ in range(PLACES)]
    try:
        time.sleep(0.5)  # they hold their places, less than two seconds
        crowd[0].sendall(b'G')  # and the agent sees that it is full
        time.sleep(0.2)
        os.kill(b.node.agent.pid, signal.SIGSTOP)
    finally:
        for sock in crowd:
            sock.close()
        os.kill(b.node.agent.pid, signal.SIGCONT)
    wait_for('metrics are served again', lambda: asked(b), 10)


@test
def nobody_who_asks_holds_the_agent_up(b):
    """A thousand connections that say nothing, half of a request, or all of it
    without reading the answer."""
    srv, ok, bad = b.c.pods
    crowd = []
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))

    def gather():
        for i in range(CROWD):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            sock.setblocking(False)
            sock.connect_ex(('127.0.0.1', PORT))
            crowd.append(sock)
    frag.inside(b.node.ns, gather)
    try:
        begun, cpu = time.monotonic(), cpu_seconds(b.node.agent.pid)
        for i, sock in enumerate(crowd):
            try:
                sock.send((b'', request()[:20], request())[i % 3])
            except OSError:
                pass  # those whom the kernel has not let in
        slowest = slowest_status(b)
        expect_reach(True, ok, srv)
        expect_reach(False, bad, srv)
        spent = cpu_seconds(b.node.agent.pid) - cpu
        passed = time.monotonic() - begun
        # whoever waits for one of them waits for its end, 2 s each
        expect(True, slowest < 5, f'an answer took {slowest:.2f} s')
        expect(True, spent < passed / 4, f'{spent:.2f} s of {passed:.2f} s')
        b.c.apply(b.c.policies)  # changes take effect all the same
    finally:
        for sock in crowd:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    again = time.monotonic()
    wait_for('metrics are served again', lambda: asked(b), 60)
    note(f'served again after {time.monotonic() - again:.1f} s')


@test
def only_the_loopback_is_served(b):
    """A port without an address; and one that is taken is waited for."""
    lines = b.node.ns.run(['ss', '-Hltn'])[1].split('\n')
    expect([f'127.0.0.1:{PORT}'], [
        line.split()[3] for line in lines if f':{PORT}' in line], 'listeners')


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ''
    tap = Tap()
    b = Bench()
    try:
        for function in TESTS:
            if only in function.__name__:
                tap.run('metrics: ' + function.__name__.replace('_', ' '),
                        function, b)
    finally:
        b.c.close()
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

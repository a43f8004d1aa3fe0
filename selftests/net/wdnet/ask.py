# SPDX-License-Identifier: GPL-2.0-only
"""Single questions to a cluster, for tests that are no matrix.

What is owed is waited for long, what is denied is waited for briefly: ask for
an allowed twin of every denied one, or nothing was proven.
"""
import time

from .tap import Fail, expect

OWED_S = (0.5, 1.5, 4.0)
DENIED_S = 0.7


def handle_of(end):
    """@end: a Pod, a Node, or a Cluster for the world."""
    for name in ('handle', 'host', 'fabric'):
        if hasattr(end, name):
            return getattr(end, name)
    raise TypeError(end)


def answered(src, dst_ip, proto, port, want, src_ip=None):
    """Did somebody answer? Gives the name or None."""
    for timeout in OWED_S if want else (DENIED_S,):
        got = handle_of(src).ask('probe', timeout=timeout, targets=[
            [proto, src_ip, dst_ip, port]])['answers'][0]
        if got:
            return got
    return None


def text_of(end):
    return getattr(end, 'key', None) or getattr(end, 'name', None) or 'world'


def reach(want, src, dst, proto='tcp', port=80, families=None):
    """@src reaches pod @dst, or does not, over all families both have."""
    for family in families or dst.ips:
        if family not in dst.ips:
            continue
        ip = dst.ips[family]
        source = getattr(src, 'ips', {}).get(family)
        got = answered(src, ip, proto, port, want, source)
        if bool(got) != want:
            raise Fail(f'{text_of(src)} -> {text_of(dst)} ({ip}) '
                       f'{proto}/{port}: expected '
                       f'{"allow" if want else "deny"}, got {got}',
                       *why(src, dst, ip, proto, port))
        if got and got != '*':
            expect(text_of(dst), got.removeprefix('host:'), 'who answered')


def why(src, dst, ip, proto, port):
    out = []
    for node in {n for n in (getattr(src, 'node', None),
                             getattr(dst, 'node', None)) if n}:
        if node.agent is None:
            continue
        target = f'[{ip}]' if ':' in ip else ip
        what = f':{port}/{proto}' if port else ''
        who = src.key if hasattr(src, 'key') else 'host'
        code, text, err = node.warder('why', who, target + what, ok=None)
        out += [f'{node.name}: {line}' for line in
                (text + err).strip().splitlines()[:6]]
        del code
    return out


def allowed(*args, **kw):
    reach(True, *args, **kw)


def denied(*args, **kw):
    reach(False, *args, **kw)


def until(want, function, what, seconds=20):
    """Wait for a condition; it must hold in time."""
    end = time.monotonic() + seconds
    while True:
        got = function()
        if got == want:
            return
        if time.monotonic() > end:
            raise Fail(f'{what}: expected {want!r} within {seconds} s, '
                       f'is {got!r}')
        time.sleep(0.05)


class Flow:
    """A connection that stays: TCP, or UDP from one port."""
    count = 0

    def __init__(self, src, dst, family, proto='tcp', port=80):
        Flow.count += 1
        self.ident = f'flow{Flow.count}'
        self.src, self.dst, self.proto = src, dst, proto
        self.server = dst.ips[family], port
        self.where = f'{proto} {src.key} -> {dst.key} v{family}'
        got = src.handle.ask('hold', ident=self.ident, proto=proto,
                             dst=dst.ips[family], port=port, timeout=6.0)
        expect(dst.key, got['answer'], self.where + ' opens')
        own = got['own'].rpartition(':')
        self.own = f'{own[0]}:{own[2]}'

    def client_speaks(self, want):
        got = self.src.handle.ask('say', ident=self.ident, text='hello',
                                  timeout=6.0 if want else DENIED_S)['answer']
        expect(want, bool(got), self.where + ': client sends, is answered')

    def push(self):
        if self.proto == 'udp':
            ip, _, number = self.own.rpartition(':')
            self.dst.handle.ask('udp_push', addr=self.server[0],
                                port=self.server[1], peer=[ip, int(number)],
                                text='news')
            return
        found = self.dst.handle.ask('push', peer=self.own, text='news')
        expect(True, found['found'], self.where + ': is open at the server')

    def server_speaks(self, want):
        """More than once where it must not be heard: what was said first must
        not open the way for what follows."""
        for _ in range(1 if want else 3):
            self.push()
        got = self.src.handle.ask('hear', ident=self.ident,
                                  timeout=6.0 if want else DENIED_S)['answer']
        expect(want, bool(got), self.where + ': server sends, is heard')

    def close(self):
        self.src.handle.ask('drop', ident=self.ident)

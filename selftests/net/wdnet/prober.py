# SPDX-License-Identifier: GPL-2.0-only
"""A process in a namespace that listens, answers with its name, and probes.

One event loop serves and asks at the same time; a batch of probes is sent at
once and waits for all answers together, so that a thousand denied cells cost
one timeout. Handle is the test's side of it.
"""
import errno
import json
import os
import selectors
import signal
import socket
import struct
import time

from . import kernel, raw

IP_FREEBIND = 15
IPV6_FREEBIND = 78
TCP_INFO_RETRANS = 100  # tcpi_total_retrans in struct tcp_info


def _bind(sock, addr, port):
    sock.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
    sock.bind((addr, port))


class Probe:
    """One question on its way."""
    __slots__ = ('proto', 'src', 'dst', 'port', 'sock', 'key', 'done', 'until',
                 'answer')

    def __init__(self, proto, src, dst, port, until, done):
        self.proto, self.src, self.dst, self.port = proto, src, dst, port
        self.until, self.done = until, done
        self.sock = self.key = self.answer = None


class Prober:
    """The child's side. Ops are methods op_*; a reply is sent by reply()."""

    def __init__(self, name, ctl):
        self.name = name.encode()
        self.ctl = ctl
        self.sel = selectors.EpollSelector()
        self.sel.register(ctl, selectors.EVENT_READ, (self.on_ctl, None))
        self.inbox = b''
        self.probes = set()
        self.waiting = {}  # raw probes by key
        self.raws = {}  # (proto, addr) -> socket
        self.default = {}  # family -> own address
        self.served = {}  # (proto, addr, port) -> socket
        self.sctp_ports = set()
        self.conns = {}  # accepted TCP, by peer's (addr, port)
        self.held = {}
        self.streams = {}
        self.next_id = os.getpid() * 7 & 0x3fff

    # ---- control ----

    def reply(self, value):
        data = json.dumps(value).encode()
        data = struct.pack('=I', len(data)) + data
        self.ctl.setblocking(True)
        self.ctl.sendall(data)

    def on_ctl(self, _sock, _arg):
        data = self.ctl.recv(1 << 18)
        if not data:
            os._exit(0)
        self.inbox += data
        while len(self.inbox) >= 4:
            size = struct.unpack('=I', self.inbox[:4])[0]
            if len(self.inbox) < 4 + size:
                return
            msg = json.loads(self.inbox[4:4 + size])
            self.inbox = self.inbox[4 + size:]
            try:
                getattr(self, 'op_' + msg.pop('op'))(**msg)
            except OSError as e:
                self.reply({'error': repr(e)})

    @staticmethod
    def dispatch(key):
        """Another callback of the same round may have closed the socket."""
        if key.fileobj.fileno() >= 0:
            function, arg = key.data
            function(key.fileobj, arg)

    def run(self):
        while True:
            now = time.monotonic()
            wait = 5.0
            for stream in self.streams.values():
                wait = min(wait, max(0, stream['next'] - now))
            if self.probes:
                wait = min(wait, max(0, min(p.until for p in self.probes)
                                     - now))
            for key, _ in self.sel.select(wait):
                self.dispatch(key)
            now = time.monotonic()
            for p in [p for p in self.probes if p.until <= now]:
                self.finish(p, None)
            for stream in self.streams.values():
                if stream['next'] <= now:
                    self.stream_turn(stream, now)

    # ---- serving ----

    def op_listen(self, socks, addrs):
        for addr in addrs:
            self.default[':' in addr] = addr
        for proto, addr, port in socks:
            if (proto, addr, port) in self.served:
                continue
            if proto == 'sctp':
                self.raw('sctp', addr)
                self.sctp_ports.add(port)
                self.served[proto, addr, port] = None
                continue
            kind = socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM
            sock = socket.socket(raw.family_of(addr), kind)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            _bind(sock, addr, port)
            if proto == 'tcp':
                sock.listen(1024)
            self.sel.register(sock, selectors.EVENT_READ,
                              (self.on_accept if proto == 'tcp'
                               else self.on_udp, None))
            self.served[proto, addr, port] = sock
        self.reply({})

    def op_unlisten(self):
        """Everything that has to do with the addresses so far ends."""
        for sock in list(self.served.values()) + list(self.raws.values()):
            if sock is not None:
                self.sel.unregister(sock)
                sock.close()
        self.served, self.raws, self.default = {}, {}, {}
        self.reply({})

    def on_accept(self, sock, _arg):
        for _ in range(64):
            try:
                conn, peer = sock.accept()
            except OSError:
                return
            conn.setblocking(False)
            self.conns[f'{peer[0]}:{peer[1]}'] = conn
            self.sel.register(conn, selectors.EVENT_READ,
                              (self.on_conn, f'{peer[0]}:{peer[1]}'))
            try:
                conn.send(self.name + b'\n')
            except OSError:
                pass

    def on_conn(self, conn, peer):
        try:
            data = conn.recv(4096)
            if data:
                conn.send(data)  # echo
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.sel.unregister(conn)
        conn.close()
        if self.conns.get(peer) is conn:
            del self.conns[peer]

    def on_udp(self, sock, _arg):
        for _ in range(256):
            try:
                _, peer = sock.recvfrom(512)
                sock.sendto(self.name, peer)
            except BlockingIOError:
                return
            except OSError:
                continue

    def raw(self, proto, addr):
        sock = self.raws.get((proto, addr))
        if sock is None:
            sock = (raw.open_sctp if proto == 'sctp' else raw.open_icmp)(addr)
            self.raws[proto, addr] = sock
            self.sel.register(sock, selectors.EVENT_READ,
                              (self.on_sctp if proto == 'sctp'
                               else self.on_icmp, addr))
        return sock

    def on_icmp(self, sock, addr):
        for _ in range(256):
            try:
                packet, peer = sock.recvfrom(2048)
            except OSError:
                return
            ident = raw.echo_ident(':' in addr, packet)
            probe = self.waiting.get(('icmp', peer[0], ident))
            if probe:
                self.finish(probe, '*')

    def on_sctp(self, sock, addr):
        for _ in range(256):
            try:
                packet, peer = sock.recvfrom(2048)
            except OSError:
                return
            got = raw.sctp_parse(':' in addr, packet)
            if not got:
                continue
            sport, dport, kind, tag, cookie = got
            if kind == raw.INIT and dport in self.sctp_ports:
                sock.sendto(raw.sctp_init_ack(dport, sport, tag, self.name),
                            (peer[0], 0))
            elif kind == raw.INIT_ACK:
                probe = self.waiting.get(('sctp', peer[0], sport, dport))
                if probe:
                    self.finish(probe, cookie.decode(errors='replace'))

    # ---- asking ----

    def finish(self, probe, answer):
        self.probes.discard(probe)
        if probe.sock is not None:
            self.sel.unregister(probe.sock)
            probe.sock.close()
            probe.sock = None
        if probe.key is not None:
            self.waiting.pop(probe.key, None)
        probe.answer = answer
        probe.done(probe)

    def unique(self):
        self.next_id = (self.next_id + 1) & 0x3fff
        return self.next_id + 0x8000

    def start(self, probe):
        self.probes.add(probe)
        try:
            if probe.proto in ('tcp', 'udp'):
                self.start_socket(probe)
            else:
                self.start_raw(probe)
        except OSError:
            self.finish(probe, None)

    def start_socket(self, probe):
        tcp = probe.proto == 'tcp'
        probe.sock = socket.socket(
            raw.family_of(probe.dst),
            socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        probe.sock.setblocking(False)
        self.sel.register(probe.sock, selectors.EVENT_READ,
                          (self.on_answer, probe))
        if probe.src:
            _bind(probe.sock, probe.src, 0)
        err = probe.sock.connect_ex((probe.dst, probe.port))
        if err not in (0, errno.EINPROGRESS):
            raise OSError(err, 'connect')
        if not tcp:
            probe.sock.send(b'?')

    def start_raw(self, probe):
        v6 = ':' in probe.dst
        sock = self.raw(probe.proto, probe.src or self.default[v6])
        ident = self.unique()
        if probe.proto == 'icmp':
            probe.key = ('icmp', probe.dst, ident)
            data = raw.echo_request(v6, ident)
        else:
            probe.key = ('sctp', probe.dst, probe.port, ident)
            data = raw.sctp_init(ident, probe.port)
        self.waiting[probe.key] = probe
        sock.sendto(data, (probe.dst, 0))

    def on_answer(self, sock, probe):
        try:
            data = sock.recv(64)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        answer = data.decode(errors='replace').strip()
        self.finish(probe, answer or None)

    def op_probe(self, targets, timeout):
        until = time.monotonic() + timeout
        left = len(targets)
        probes = []

        def done(_probe):
            nonlocal left
            left -= 1
            if left == 0:
                self.reply({'answers': [p.answer for p in probes]})
        for proto, src, dst, port in targets:
            probes.append(Probe(proto, src, dst, port, until, done))
        if not probes:
            self.reply({'answers': []})
        for n, p in enumerate(probes):
            self.start(p)
            if n % 32 == 31:
                self.serve_now()

    def serve_now(self):
        """Do not let others wait while many probes are sent."""
        for key, _ in self.sel.select(0):
            if key.fileobj is not self.ctl:
                self.dispatch(key)

    # ---- connections that stay ----

    def op_datagram(self, dst, port, timeout):
        """From a socket that is not connected: who answers, and from where."""
        got = None
        with socket.socket(raw.family_of(dst), socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            try:
                sock.sendto(b'?', (dst, port))
                data, peer = sock.recvfrom(64)
                got = [data.decode(errors='replace').strip(), *peer[:2]]
            except OSError:
                pass
        self.reply({'answer': got})

    def op_hold(self, ident, dst, port, proto='tcp', sport=0, src=None,
                timeout=3.0):
        kind = socket.SOCK_STREAM if proto == 'tcp' else socket.SOCK_DGRAM
        sock = socket.socket(raw.family_of(dst), kind)
        sock.settimeout(timeout)
        if sport or src:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((src or self.default[':' in dst], sport))
        try:
            sock.connect((dst, port))
            if proto == 'udp':
                sock.send(b'?')
            name = sock.recv(64).decode().strip()
        except OSError:
            sock.close()
            self.reply({'answer': None})
            return
        self.held[ident] = sock
        own = sock.getsockname()
        self.reply({'answer': name, 'own': f'{own[0]}:{own[1]}'})

    def op_say(self, ident, text, timeout):
        """Send on a held connection and wait for the echo."""
        sock, error = self.held[ident], ''
        sock.settimeout(timeout)
        try:
            sock.sendall(text.encode())
            got = sock.recv(4096).decode()
        except OSError as e:
            got, error = None, errno.errorcode.get(e.errno, '')
        self.reply({'answer': got, 'why': error})

    def op_send(self, ident, text):
        self.held[ident].settimeout(1)
        self.held[ident].sendall(text.encode())
        self.reply({})

    def op_hear(self, ident, timeout):
        sock = self.held[ident]
        sock.settimeout(timeout)
        try:
            got = sock.recv(4096).decode()
        except OSError:
            got = None
        self.reply({'answer': got})

    def op_push(self, peer, text):
        """The server speaks first, on the connection of @peer."""
        conn = self.conns.get(peer)
        if conn is not None:
            conn.send(text.encode())
        self.reply({'found': conn is not None})

    def op_udp_push(self, addr, port, peer, text):
        """The same of a server of datagrams."""
        self.served['udp', addr, port].sendto(text.encode(), tuple(peer))
        self.reply({})

    def op_drop(self, ident):
        sock = self.held.pop(ident, None)
        if sock:
            if sock.fileno() in self.sel.get_map():
                self.sel.unregister(sock)
            sock.close()
        self.streams = {k: s for k, s in self.streams.items()
                        if s['target'] != ['held', ident]}
        self.reply({})

    def op_abort(self):
        """Reset everything that is open, so that nothing retransmits later;
        streams are forgotten."""
        for sock in list(self.held.values()) + list(self.conns.values()):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
        for conn in self.conns.values():
            self.sel.unregister(conn)
            conn.close()
        known = self.sel.get_map()
        for sock in self.held.values():
            if sock.fileno() in known:
                self.sel.unregister(sock)
            sock.close()
        self.conns, self.held, self.streams = {}, {}, {}
        self.reply({})

    # ---- streams ----

    def op_stream(self, ident, target, interval, timeout):
        """Probe over and over; a held connection is asked by ['held', id]."""
        self.streams[ident] = {
            'target': target, 'interval': interval, 'timeout': timeout,
            'next': time.monotonic(), 'sent': 0, 'answered': 0, 'lost': [],
            'open': 0, 'stop': False, 'heard': None}
        if target[0] == 'held':
            sock = self.held[target[1]]
            sock.setblocking(False)
            self.sel.register(sock, selectors.EVENT_READ,
                              (self.on_held, self.streams[ident]))
        self.reply({})

    def on_held(self, sock, stream):
        try:
            data = sock.recv(65536)
        except BlockingIOError:  # serve_now() has read it
            return
        except OSError as e:
            data = b''
            stream['lost'].append(repr(e))
        stream['answered'] += len(data)
        stream['heard'] = time.monotonic()
        if not data:
            self.sel.unregister(sock)

    def stream_turn(self, stream, now):
        stream['next'] = now + stream['interval']
        if stream['stop']:
            stream['next'] = now + 3600
            return
        stream['sent'] += 1
        if stream['target'][0] == 'held':
            try:
                self.held[stream['target'][1]].send(b'.')
            except OSError as e:
                stream['lost'].append(repr(e))
            return
        begun = time.time()

        def done(probe):
            stream['open'] -= 1
            if probe.answer:
                stream['answered'] += 1
            else:
                stream['lost'].append(begun)
        stream['open'] += 1
        self.start(Probe(*stream['target'], now + stream['timeout'], done))

    def op_pause(self, ident):
        self.streams[ident]['stop'] = True
        self.reply({})

    def op_tally(self, ident):
        """How a stream did. Only after pause and its timeout is it final."""
        s = self.streams[ident]
        out = {k: s[k] for k in ('sent', 'answered', 'lost', 'open', 'heard')}
        if s['target'][0] == 'held':
            info = self.held[s['target'][1]].getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            out['retrans'] = struct.unpack_from(
                '=I', info, TCP_INFO_RETRANS)[0]
        self.reply(out)


class Handle:
    """The test's side: starts the process, speaks with it."""

    def __init__(self, name, inside=None, setup=None):
        """@inside: a Namespace to live in, else a new network namespace.
        @setup: called inside before anything else."""
        self.name = name
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(name, ours, theirs, inside, setup)
        theirs.close()
        self.ctl = ours
        self.ctl.settimeout(60)
        self.receive()  # it is inside

    @staticmethod
    def _child(name, ours, theirs, inside, setup):
        code = 1
        try:
            kernel.die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            ours.close()
            if inside:
                kernel.setns(inside.net, kernel.CLONE_NEWNET)
            else:
                kernel.unshare(kernel.CLONE_NEWNET)
            if setup:
                setup()
            prober = Prober(name, theirs)
            prober.reply({})
            prober.run()
        except BaseException as e:  # the child must never become the test
            os.write(2, f'# prober {name}: {e!r}\n'.encode())
        os._exit(code)

    def send(self, op, **args):
        data = json.dumps({'op': op, **args}).encode()
        self.ctl.sendall(struct.pack('=I', len(data)) + data)

    def receive(self):
        def exactly(size):
            data = b''
            while len(data) < size:
                more = self.ctl.recv(size - len(data))
                if not more:
                    raise RuntimeError(f'prober {self.name} ended')
                data += more
            return data
        size = struct.unpack('=I', exactly(4))[0]
        msg = json.loads(exactly(size))
        if 'error' in msg:
            raise RuntimeError(f'prober {self.name}: {msg["error"]}')
        return msg

    def ask(self, op, **args):
        self.send(op, **args)
        return self.receive()

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
            self.ctl.close()

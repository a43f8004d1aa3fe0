# SPDX-License-Identifier: GPL-2.0-only
"""The cluster of a file of cells, made of namespaces: one node with an agent,
a namespace for each of its pods, and one beside it for everybody else.

    seat eth0 ---- podN ---- node ---- eth0 ---- world

Seats and devices stay; what is told of them changes with each file.
"""
import collections
import os

from . import kernel
from .cells import HERE, family, is_group
from .message import Message, heard
from .node import Node
from .prober import Handle
from .tap import expect

TIMES_S = (0.4, 1.5, 4.0)
GATE = {4: '169.254.1.1', 6: 'fe80::1'}
UPLINK = {4: '172.31.77.%d', 6: 'fd77:77::%d'}
SIZE = {4: 32, 6: 128}
ANY_NET = {4: '0.0.0.0/0', 6: '::/0'}
# Types that may begin something for the kernel's own connection tracking.
TRACKED = {4: (8, 13, 15, 17), 6: (128, 139)}


def host_net(addr):
    return f'{addr}/{SIZE[family(addr)]}'


class End:
    """Who has addresses: a prober and its namespace."""

    def __init__(self, handle, space):
        self.handle, self.space = handle, space
        self.name = handle.name


class Seat:
    """A pod's namespace, used again by the pods of other files."""

    def __init__(self, node, number):
        self.handle = Handle(f'seat{number}', setup=self._inside)
        self.space = kernel.Namespace(self.handle.pid, False)
        self.node, self.number, self.device = node, number, f'pod{number}'
        node.ns.ip(f'link add {self.device} type veth peer name eth0 netns '
                   f'{self.handle.pid}',
                   f'addr add {GATE[4]}/32 dev {self.device}',
                   f'link set {self.device} up',
                   f'addr add {GATE[6]}/64 dev {self.device} nodad')
        self.space.ip('link set eth0 up')
        self.pod = None

    @staticmethod
    def _inside():
        kernel.link_up('lo')
        kernel.sysctl(ipv6__conf__default__accept_dad=0,
                      ipv6__conf__all__accept_dad=0)

    def take(self, ns, name, ips, turn):
        self.pod = CniPod(ns, name, ips, self.space.path(),
                          f'{turn:x}f{self.number:x}')
        lines = [f'route replace {GATE[4]} dev eth0 scope link']
        for f, ip in ips.items():
            lines += [f'addr add {host_net(ip)} dev eth0' + ' nodad' * (f == 6),
                      f'route replace {ANY_NET[f]} via {GATE[f]} dev eth0']
        self.space.ip(*lines)
        self.node.ns.ip(*[f'route add {host_net(ip)} dev {self.device}'
                          for ip in ips.values()])
        result = {'cniVersion': '1.0.0', 'interfaces': [
            {'name': self.device}, {'name': 'eth0',
                                    'sandbox': self.pod.netns}],
                  'ips': [{'address': host_net(ip), 'interface': 1}
                          for ip in ips.values()]}
        self.pod.result = self.node.cni('ADD', 'warder-cni', self.pod, result)
        return End(self.handle, self.space)

    def leave(self):
        if not self.pod:
            return
        pod, self.pod = self.pod, None
        if pod.result:
            self.node.cni('DEL', 'warder-cni', pod, pod.result)
        self.handle.ask('abort')
        self.handle.ask('unlisten')
        for ip in pod.ips.values():
            for space, words in ((self.node.ns, 'route del %s dev '
                                  + self.device),
                                 (self.space, 'addr del %s dev eth0')):
                space.run(['ip', *(words % host_net(ip)).split()],
                          check_rc=False)  # there is less if it failed

    def close(self):
        self.space.close()
        self.handle.close()


class CniPod:
    """What a runtime knows of a pod."""

    def __init__(self, ns, name, ips, netns, container):
        self.ns, self.name, self.ips, self.netns = ns, name, ips, netns
        self.container, self.uid, self.result = container, '', None


class Town:
    """A node with an agent, seats for its pods, and everybody else in one
    namespace behind its uplink."""

    def __init__(self, directory):
        self.dir = directory
        self.seats, self.ends, self.turn = [], {}, 0
        self.hosted = {}  # addresses that the two have for this file
        self.node = Node(HERE, directory, {}, {}, 'none')
        self.nodes, self.world = [self.node], None
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.world = End(*prober('world'))
        self.host = End(self.node.host, self.node.ns)
        pid = self.world.handle.pid
        self.node.ns.ip(f'link add eth0 type veth peer name eth0 netns {pid}')
        for end, own, other in ((self.host, 1, 2), (self.world, 2, 1)):
            end.space.ip('link set eth0 up', *[
                line for f, net in UPLINK.items() for line in (
                    f'addr add {net % own}/{112 if f == 6 else 24} dev eth0'
                    + ' nodad' * (f == 6),
                    f'route add {ANY_NET[f]} via {net % other} dev eth0')])
        self.node.start_agent('--host-open', 'none', '--host-confirm', '30m')

    # ---- one file ----

    def put_on(self, end, addrs, where):
        end.space.ip(*[f'addr add {host_net(a)} dev {where}'
                       + ' nodad' * (family(a) == 6) for a in addrs])
        self.hosted[end.name] = (end, addrs, where)

    def settle(self, scenario):
        """Objects, pods, addresses, translation, listeners."""
        self.turn += 1
        temp = os.path.join(self.dir, 'new')
        with open(temp, 'w', encoding='utf-8') as f:
            f.write(scenario.text)
        os.rename(temp, os.path.join(self.node.manifests, 'all.yaml'))
        self.put_on(self.host, list(scenario.host.values()), 'lo')
        self.ends = {a: self.host for a in scenario.host.values()}
        self.node.warder('sync', ok=None)
        while len(self.seats) < len(scenario.local):
            self.seats.append(Seat(self.node, len(self.seats)))
        for seat, pod in zip(self.seats, scenario.local):
            end = seat.take(*pod, self.turn)
            self.ends.update(dict.fromkeys(pod[2].values(), end))
        self.node.warder('sync', ok=None)
        if self.node.status()['host']['state'] == 'tried':
            self.node.warder('policy', 'confirm')
        self.translate(scenario.translations())
        self.others(scenario)
        self.listen(scenario)

    def translate(self, rules):
        lines = []
        self.to = {}
        for vip, proto, port, addr, number in rules:
            f = family(vip)
            self.to[vip, proto, port] = addr, number
            to = f'[{addr}]:{number}' if f == 6 else f'{addr}:{number}'
            lines += [f'add rule inet proxy {hook} ip{"6" * (f == 6)} daddr '
                      f'{vip} {proto} dport {port} dnat to {to}'
                      for hook in ('prerouting', 'output')]
        self.node.ns.run(['nft', '-f', '-'], '\n'.join([
            'table inet proxy', 'delete table inet proxy',
            'table inet proxy {',
            'chain prerouting { type nat hook prerouting priority -100; }',
            'chain output { type nat hook output priority -100; }', '}',
            *lines]) + '\n')

    def others(self, scenario):
        """Whoever is neither a pod of this node nor the node."""
        all_of = {a for c in scenario.cells() for a in (c.src, c.dst)}
        all_of |= {a for a, _ in self.to.values()}
        all_of -= {vip for vip, _, _ in self.to}
        rest = sorted(all_of - set(self.ends))
        self.put_on(self.world, rest, 'lo')
        self.ends.update(dict.fromkeys(rest, self.world))

    def target(self, cell):
        return self.to.get((cell.dst, cell.what, cell.port),
                           (cell.dst, cell.port))

    def listen(self, scenario):
        socks = collections.defaultdict(set)
        for cell in scenario.cells():
            if cell.what in ('tcp', 'udp', 'sctp'):
                addr, port = self.target(cell)
                if addr in self.ends:
                    socks[self.ends[addr].handle].add((cell.what, addr, port))
        for handle, some in socks.items():
            handle.ask('listen', addrs=[], socks=sorted(some))

    def clear(self):
        for seat in self.seats:
            seat.leave()
        for end, addrs, where in self.hosted.values():
            end.handle.ask('abort')
            end.handle.ask('unlisten')
            end.space.ip(*[f'addr del {host_net(a)} dev {where}'
                           for a in addrs])
        self.hosted, self.ends = {}, {}

    def problems(self):
        return sorted(f"{p['object']} {p['field']}"
                      for p in self.node.status()['problems'])

    # ---- asking ----

    def ask(self, cells, timeout):
        """Those of @cells that were answered."""
        batches = collections.defaultdict(list)
        for cell in cells:
            batches[self.ends[cell.src].handle].append(cell)
        for handle, batch in batches.items():
            handle.send('probe', timeout=timeout, targets=[
                [c.what, c.src, c.dst, c.port] for c in batch])
        open_ones = set()
        for handle, batch in batches.items():
            for cell, answer in zip(batch, handle.receive()['answers']):
                if answer is None:
                    continue
                open_ones.add(cell)
                if answer != '*':
                    expect(self.ends[self.target(cell)[0]].name, answer,
                           f'who answers {cell.text}')
        return open_ones

    def measure(self, cells):
        got = set()
        for timeout in TIMES_S:
            left = [c for c in cells if c.open and c not in got] \
                if timeout != TIMES_S[0] else cells
            if left:
                got |= self.ask(left, timeout)
        return got

    def messages(self, cells):
        """@cells: of protocols that nobody answers. Gives what is wrong."""
        def message(cell):
            return Message(Named(cell.src, self.ends[cell.src]),
                           Named(cell.dst, self.ends[cell.dst]),
                           family(cell.dst), cell.what)
        return [f'{what}: {text}' for what, texts in zip(
            ('came', 'did not come'),
            heard([message(c) for c in cells if not c.open],
                  [message(c) for c in cells if c.open])) for text in texts]

    def wrong(self, cells):
        """What is not as the cells say, as lines to show."""
        plain = [c for c in cells if isinstance(c.what, str) and
                 not (c.open and is_group(c.dst))]
        got = self.measure(plain)
        out = []
        for cell in plain:
            if (cell in got) != cell.open:
                out.append(f'{cell.text}: should be '
                           f'{"open" if cell.open else "closed"}')
                out += self.why(cell)
        rest = [c for c in cells if not isinstance(c.what, str)]
        if any(isinstance(c.what, tuple) for c in rest) and \
                self.node.status()['rung'] == 'nft':  # which is stricter
            rest = [c._replace(open=c.open and (
                not isinstance(c.what, tuple) or
                c.what[0] in TRACKED[family(c.dst)])) for c in rest]
        return out + (self.messages(rest) if rest else [])

    def asked(self, cell):
        """The words of `why` for it."""
        dst = f'[{cell.dst}]' if family(cell.dst) == 6 else cell.dst
        proto = cell.what if cell.what != 'icmp' or family(cell.dst) == 4 \
            else 'icmpv6'
        return ('why', 'host' if cell.of_host else cell.src,
                f'{dst}:{cell.port}/{proto}' if cell.port else dst)

    def why(self, cell):
        _, out, err = self.node.warder(*self.asked(cell), ok=None)
        return ['    ' + line for line in (out + err).splitlines()[:9]]

    def close(self):
        for seat in self.seats:
            seat.close()
        self.node.close()
        if self.world:
            self.world.space.close()
            self.world.handle.close()


class Named:
    """An address as Message wants an end."""

    def __init__(self, addr, end):
        self.key, self.space = f'{end.name} {addr}', end.space
        self.ips = {family(addr): addr}


def prober(name):
    def inside():
        kernel.link_up('lo')
        kernel.sysctl(ipv6__conf__default__accept_dad=0,
                      ipv6__conf__all__accept_dad=0)
    handle = Handle(name, setup=inside)
    return handle, kernel.Namespace(handle.pid, False)

# SPDX-License-Identifier: GPL-2.0-only
"""What people do to a cluster in its life, by random steps: policies of all kinds
applied, edited, deleted and applied again, labels, services and groups that
change, under connections that stay. After each step who may speak to whom is
asked by packets, and of the agent, and must be what `law` says.
"""
import collections
import json
import os
import shutil
import time

from . import kernel, law
from .law import End, Law, Port
from .prober import Handle
from .tap import Fail, expect

SLOTS = (('np', 'shop', 3), ('np', 'lab', 2), ('cnp', 'shop', 3),
         ('cnp', 'lab', 2), ('ccnp', None, 2), ('cluster', None, 2),
         ('admin', None, 1), ('base', None, 1), ('banp', None, 1))
ASKED = (Port('tcp', 80), Port('udp', 81), Port('icmp', 0))
VIPS = {('shop', 'front'): '10.96.0.1', ('lab', 'back'): '10.96.0.2'}
TIMES_S = (0.3, 1.2, 4.0)
GATE, FAR = '172.31.77.1', '172.31.77.2'
SETTLED_S = 12  # what no policy names goes when nothing else has happened
SPEAKS_S = 0.01  # between two bytes of a connection that stays

Cell = collections.namedtuple('Cell', 'src dst port')  # names of ends


class Life:
    """@c: a KubeSolo with pods in namespaces `shop` and `lab`."""

    def __init__(self, c, rng):
        self.c, self.rng = c, rng
        c.order = rng.shuffle
        self.slots = [(kind, ns, f'{kind}-{i}' if kind != 'banp'
                       else 'default') for kind, ns, count in SLOTS
                      for i in range(count)]
        self.order = {s: n * 10 for n, s in enumerate(self.slots)}
        self.now, self.before = {}, {}
        self.groups = {'g0': [law.NETS[0]], 'g1': []}
        self.world = Handle('world', setup=lambda: kernel.link_up('lo'))
        self.space = kernel.Namespace(self.world.pid, False)
        self.make_world()
        self.leads = {s: [c.pods[0].ips[4]] for s in VIPS}
        self.flows, self.numbers = [], 0
        self.folder = os.path.join(c.dir, 'final')
        self.cuts, self.again, self.tally = [], 0, collections.Counter()

    def make_world(self):
        self.c.only_node.ns.ip(
            f'link add w0 type veth peer name eth0 netns {self.world.pid}',
            f'addr add {GATE}/30 dev w0', 'link set w0 up',
            *[f'route add {a}/32 via {FAR}' for a in law.OUTSIDE])
        self.space.ip('link set eth0 up', f'addr add {FAR}/30 dev eth0',
                      *[f'addr add {a}/32 dev lo' for a in law.OUTSIDE],
                      f'route add default via {GATE}')
        self.world.ask('listen', addrs=[law.OUTSIDE[0]], socks=[
            [proto, a, port] for a in law.OUTSIDE
            for proto, port in (('tcp', 80), ('udp', 81))])

    # ---- objects ----

    def objects(self):
        out = [law.object_of(p) for p in self.now.values()]
        out += [{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumCIDRGroup',
                 'metadata': {'name': name}, 'spec': {'externalCIDRs': nets}}
                for name, nets in self.groups.items()]
        for (ns, name), leads in self.leads.items():
            meta = {'name': name, 'namespace': ns}
            out.append({'apiVersion': 'v1', 'kind': 'Service',
                        'metadata': meta, 'spec': {
                            'clusterIP': VIPS[ns, name],
                            'clusterIPs': [VIPS[ns, name]],
                            'ports': [{'port': 80, 'protocol': 'TCP'}]}})
            out.append({'apiVersion': 'discovery.k8s.io/v1',
                        'kind': 'EndpointSlice', 'addressType': 'IPv4',
                        'metadata': {**meta, 'labels': {
                            'kubernetes.io/service-name': name}},
                        'endpoints': [{'addresses': [a]} for a in leads],
                        'ports': [{'port': 80, 'protocol': 'TCP'}]})
        return out

    def translate(self):
        """As a proxy that always takes the first."""
        self.c.only_node.ns.run(['nft', '-f', '-'], '\n'.join([
            'table ip proxy', 'delete table ip proxy', 'table ip proxy {',
            'chain pre { type nat hook prerouting priority -100; }', '}',
            *[f'add rule ip proxy pre ip daddr {VIPS[s]} tcp dport 80 dnat to '
              f'{leads[0]}:80' for s, leads in self.leads.items()]]) + '\n')

    def law(self):
        return Law({n: labels for n, labels in self.c.namespaces.items()},
                   self.groups, self.leads, self.now.values())

    # ---- ends and questions ----

    def end(self, name):
        """Of a pod, an address, or whom a service leads to."""
        if name in VIPS:
            name = self.leads[name][0]
        for pod in self.c.pods:
            if name in (pod.key, pod.ips[4]):
                return End(pod.ns, pod.labels, pod.ips[4])
        return End(None, {}, name)

    def address(self, name):
        return VIPS[name] if name in VIPS else self.end(name).ip

    def handle(self, name):
        return self.c.pod(name).handle if '/' in name else self.world

    def cells(self):
        pods = [p.key for p in self.c.pods]
        for src in pods + list(law.OUTSIDE):
            for dst in pods + list(law.OUTSIDE) * ('/' in src):
                if src != dst:
                    yield from (Cell(src, dst, p) for p in ASKED)
            for service in VIPS if '/' in src else ():
                if self.end(service) != self.end(src):
                    yield Cell(src, service, ASKED[0])

    def wanted(self):
        lex = self.law()
        return {c: lex.passes(self.end(c.src), self.end(c.dst), c.port)
                for c in self.cells()}

    def probe(self, cells, timeout):
        batches = collections.defaultdict(list)
        for cell in cells:
            batches[self.handle(cell.src)].append(cell)
        for handle, batch in batches.items():
            handle.send('probe', timeout=timeout, targets=[
                [c.port.proto, self.address(c.src), self.address(c.dst),
                 c.port.number] for c in batch])
        return {c for handle, batch in batches.items() for c, answer
                in zip(batch, handle.receive()['answers'])
                if answer and self.is_of(c, answer)}

    def is_of(self, cell, answer):
        """The kernel translates a connection from a port of before as it did
        then: who answers is not whom the service leads to now."""
        end = self.end(cell.dst)
        names = [p.key for p in self.c.pods if p.ips[4] == end.ip]
        if cell.dst not in VIPS or answer in (names or ['world']):
            return True
        self.tally['old translation'] += 1
        return False

    def measure(self, want):
        got = self.probe(want, TIMES_S[0])
        for timeout in TIMES_S[1:]:
            owed = [c for c in want if want[c] and c not in got]
            if owed:
                got |= self.probe(owed, timeout)
        return got

    def words(self, cell):
        port = cell.port
        return ('why', cell.src, self.address(cell.dst) + (
            f':{port.number}/{port.proto}' if port.number else ''))

    def says(self, cell, *more):
        code, out, err = self.c.only_node.warder(*self.words(cell), *more,
                                                 ok=None)
        if code not in (0, 1) or err:
            raise Fail(f'{cell}: {code}', out, err)
        return not code

    def plain(self, cell):
        """Is there one answer, whichever the proxy chooses?"""
        return cell.dst not in VIPS or len(self.leads[cell.dst]) == 1

    # ---- connections that stay ----

    def open_flows(self, want, count):
        """@count in all, of what may pass."""
        may = [c for c in want if want[c] and c.port.proto == 'tcp' and
               not any(f.cell == c for f in self.flows)]
        self.rng.shuffle(may)
        for cell in may[:max(0, count - len(self.flows))]:
            self.numbers += 1
            self.flows.append(Held(cell, self.handle(cell.src),
                                   self.address(cell.src),
                                   self.address(cell.dst), self.numbers))

    def judge_flows(self, want, begun):
        """Each that may no longer pass is silent, the others have gone on."""
        for flow in list(self.flows):
            if want.get(flow.cell):
                flow.goes_on()
                self.tally['went on'] += 1
                continue
            self.cuts.append(max(0, flow.is_cut() - begun))
            self.flows.remove(flow)

    def forget_flows(self, service):
        """Who goes there by the backend of before."""
        for flow in [f for f in self.flows if f.cell.dst == service]:
            self.again += flow.close()
            self.flows.remove(flow)

    # ---- steps ----

    def step_slot(self):
        slot = self.rng.choice(self.slots)
        turn = self.rng.random()
        if slot in self.now and turn < 0.45:
            self.before[slot] = self.now.pop(slot)
        elif slot in self.before and turn < 0.7:
            self.now[slot] = self.before[slot]._replace(
                priority=self.order[slot])
        else:
            self.now[slot] = self.rng.policy(*slot, self.order[slot], VIPS)

    def step_label(self):
        pod = self.rng.choice(self.c.pods)
        pod.labels = self.rng.choice(({'app': self.rng.choice(law.APPS)},
                                      {'app': self.rng.choice(law.APPS)}, {}))

    def step_space(self):
        name = self.rng.choice(('shop', 'lab'))
        self.c.namespaces[name] = self.rng.choice(
            ({}, *({'team': t} for t in law.TEAMS)))

    def step_group(self):
        name = self.rng.choice(('g0', 'g1'))
        if not self.groups.pop(name, None):
            self.groups[name] = self.rng.sample(law.NETS,
                                                self.rng.randint(1, 2))

    def step_service(self):
        service = self.rng.choice(tuple(VIPS))
        ends = [p.ips[4] for p in self.c.pods] + [law.OUTSIDE[0]]
        self.forget_flows(service)
        self.leads[service] = self.rng.sample(ends, self.rng.randint(1, 2))
        self.translate()

    def step_order(self):
        """Tiers in another order."""
        numbers = list(self.order.values())
        self.rng.shuffle(numbers)
        self.order = dict(zip(self.order, numbers))
        for slot, policy in self.now.items():
            self.now[slot] = policy._replace(priority=self.order[slot])

    STEPS = (step_slot,) * 6 + (step_label,) * 3 + (
        step_space, step_group, step_service, step_order)

    def step(self, flows):
        done = [self.rng.choice(self.STEPS)
                for _ in range(self.rng.randint(1, 3))]
        for function in done:
            function(self)
        begun = time.monotonic()
        self.c.apply(self.objects())
        self.write()
        want = self.wanted()
        self.judge_flows(want, begun)
        self.compare(want)
        self.ask_agent(want, 4)
        self.open_flows(want, flows)
        self.tally.update(f.__name__ for f in done)

    def compare(self, want):
        got = self.measure(want)
        wrong = [c for c in want if want[c] != (c in got)]
        self.tally['cells'] += len(want)
        self.tally['open'] += len(got)
        if wrong:
            said = self.c.only_node.status()
            still = self.probe(wrong, TIMES_S[1])
            raise Fail(f'{len(wrong)} of {len(want)} cells, '
                       f'{sum(want[c] != (c in still) for c in wrong)} of '
                       f'them still so, generation {said["generation"]}, '
                       f'{said["drift"]}:', *[
                line for c in wrong[:4] for line in (
                    f'{c}: should be {"open" if want[c] else "closed"}',
                    *self.c.only_node.warder(*self.words(c), ok=None)[1]
                    .splitlines()[:9])])

    def write(self):
        """All objects, for who was never told of others."""
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, 'all.json'), 'w',
                  encoding='utf-8') as f:
            json.dump({'apiVersion': 'v1', 'kind': 'List', 'items':
                       self.c.base_objects() + self.objects()}, f)

    def ask_agent(self, want, count):
        """Of the kernel, of its model, and of what never ran."""
        some = [c for c in want if self.plain(c)]
        for cell in self.rng.sample(some, min(count, len(some))):
            for more in ((), ('--from', 'model'),
                         ('--as-of-manifests', self.folder)):
                expect(want[cell], self.says(cell, *more),
                       f'{cell} {" ".join(more[:2])}')
            self.tally['asked'] += 1

    def fresh(self, count, settled=True):
        """An agent that knows nothing of before says and keeps the same.
        @settled: wait until what nobody wants any more has gone."""
        want, node = self.wanted(), self.c.only_node
        if settled:
            time.sleep(SETTLED_S)
        used = entries(node)
        node.warder('stop', '--detach')
        node.agent.wait(30)
        node.agent = None
        shutil.rmtree(os.path.join(node.dir, 'state'))
        node.start_agent()
        self.c.sync()
        if settled:
            least = entries(node)
            # predicates that no policy has any more may still tell backends
            # apart, until their numbers are needed
            if used['wd_front'] > least['wd_front']:
                least['wd_front'] = used['wd_front']
            expect(least, used, 'entries of maps')
        self.compare(want)
        self.ask_agent(want, count)
        self.tally['fresh'] += 1

    def close(self):
        self.c.order = None
        for flow in self.flows:
            self.again += flow.close()
        self.flows = []
        ns = self.c.only_node.ns
        ns.run(['nft', 'delete table ip proxy'], check_rc=False)
        ns.run(['ip', 'link', 'del', 'w0'], check_rc=False)
        self.space.close()
        self.world.close()


class Held:
    """A connection on which a byte goes out, and comes back, all the time."""

    def __init__(self, cell, handle, src, dst, number):
        self.cell, self.handle, self.ident = cell, handle, f'held{number}'
        got = handle.ask('hold', ident=self.ident, dst=dst, src=src,
                         port=cell.port.number, timeout=6.0)
        if not got['answer']:
            raise Fail(f'{cell} does not open')
        handle.ask('stream', ident=self.ident, target=['held', self.ident],
                   interval=SPEAKS_S, timeout=1)

    def tally(self):
        return self.handle.ask('tally', ident=self.ident)

    def goes_on(self):
        """It is heard what was sent until now."""
        sent, end = self.tally()['sent'], time.monotonic() + 20
        while True:
            now = self.tally()
            if now['lost']:
                raise Fail(f'{self.cell} ended: {now["lost"]}')
            if now['answered'] >= sent:
                return
            if time.monotonic() > end:
                raise Fail(f'{self.cell} should go on: of {sent} bytes '
                           f'{now["answered"]} came back')
            time.sleep(0.02)

    def is_cut(self):
        """When was it heard last? Not from here on, though it speaks on."""
        was = self.tally()
        end = time.monotonic() + 20
        while True:
            now = self.tally()
            if now['answered'] != was['answered']:
                raise Fail(f'{self.cell} should be cut')
            if now['sent'] > was['sent'] + 5:
                break
            if time.monotonic() > end:
                raise Fail(f'{self.cell} does not speak')
            time.sleep(0.02)
        self.handle.ask('drop', ident=self.ident)
        return now['heard'] or 0

    def close(self):
        """Return: how many segments had to be sent again."""
        again = self.tally()['retrans']
        self.handle.ask('drop', ident=self.ident)
        return again


# What flows and packets put in; and rows, where the half of an address that is
# not in force keeps the one of before.
OF_TRAFFIC = {'wd_row', 'wd_flow', 'wd_flowlock', 'wd_quota', 'wd_frag',
              'wd_answer', 'wd_cover', 'wd_group', 'wd_timing', 'wd_events'}


def entries(node):
    """Of each map that objects fill."""
    maps = json.loads(node.warder('map', 'list', '--json')[1])['maps']
    return {m['name']: m['used'] for m in maps if m['used'] is not None
            and m['name'] not in OF_TRAFFIC}

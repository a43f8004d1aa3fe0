# SPDX-License-Identifier: GPL-2.0-only
"""Who reaches whom: all cells of a cluster at once, against the oracle."""
import collections
import fnmatch
import time

from .cluster import WORLD
from .oracle import End, Oracle

# How long a cell is waited for at first: as long as the machine, with all that
# it does, lately needed for an answer. And again, where one should have come.
FIRST_S = (0.3, 1.2)
AGAIN_S = (1.2, 3.0)
SHOW = 6

Wrong = collections.namedtuple('Wrong', 'cell want got note')


def cell_name(cell):
    src, dst, proto, port, family = cell
    what = f'{proto}/{port}' if port else proto
    return f'{src.key} -> {dst.key} {what} v{family}'


class Matrix:
    """@protos: what pods are asked, (protocol, port) pairs."""

    POD = (('tcp', 80), ('tcp', 81), ('udp', 80), ('udp', 81), ('sctp', 80),
           ('icmp', 0))
    FROM_OUTSIDE = (('tcp', 80), ('tcp', 81), ('udp', 80), ('icmp', 0))
    TO_OUTSIDE = (('tcp', 80), ('udp', 80), ('icmp', 0))

    def __init__(self, cluster, host_policy=False):
        self.cluster = cluster
        self.host_policy = host_policy
        self.pods = [End(p.key, 'pod', p.ips, pod=p, node=p.node)
                     for p in cluster.pods if p.handle]
        self.hosts = [End('host:' + n.name, 'host', n.ips, node=n)
                      for n in cluster.nodes]
        self.world = [End(name, 'world', ips) for name, ips in WORLD.items()]
        self.ends = {e.key: e for e in self.pods + self.hosts + self.world}
        self.cells = list(self.all_cells())
        self.first = FIRST_S[0]
        self.probed = 0
        self.retried = 0

    def all_cells(self):
        for family in self.cluster.families:
            for src in self.pods + self.hosts + self.world:
                for dst in self.pods + self.hosts + self.world:
                    yield from self.cells_of(src, dst, family)

    def cells_of(self, src, dst, family):
        if dst.kind != 'pod' and src.kind != 'pod':
            return
        if family not in src.ips or family not in dst.ips:
            return
        if dst.kind != 'pod':
            protos = self.TO_OUTSIDE
        elif src.kind != 'pod':
            protos = self.FROM_OUTSIDE
        else:
            protos = self.POD
        for proto, port in protos:
            yield src, dst, proto, port, family

    # ---- asking ----

    def prober(self, end):
        if end.kind == 'pod':
            return end.pod.handle
        return end.node.host if end.kind == 'host' else self.cluster.fabric

    def name_of(self, end):
        return 'world' if end.kind == 'world' else end.key

    def probe(self, cells, timeout):
        """Ask all at once. Gives the cells that were answered."""
        batches = collections.defaultdict(list)
        for cell in cells:
            batches[self.prober(cell[0])].append(cell)
        for handle, batch in batches.items():
            handle.send('probe', timeout=timeout, targets=[
                [proto, src.ips[family], dst.ips[family], port]
                for src, dst, proto, port, family in batch])
        reached = set()
        for handle, batch in batches.items():
            for cell, answer in zip(batch, handle.receive()['answers']):
                if answer not in (None, '*', self.name_of(cell[1])):
                    raise RuntimeError(f'{cell_name(cell)}: answered by '
                                       f'{answer}')
                if answer is not None:
                    reached.add(cell)
        self.probed += len(cells)
        return reached

    def measure(self, want, cells):
        """Ask, and ask again where an answer is owed: only a cell that stays
        silent is denied. Where the machine was that slow, the silent ones
        that should be get a longer second chance to be wrong, too."""
        got = self.probe(cells, self.first)
        slow = any(want[c] and c not in got for c in cells)
        self.first = min(FIRST_S[1], self.first * 1.4) if slow \
            else max(FIRST_S[0], self.first * 0.95)
        for timeout in AGAIN_S:
            owed = [c for c in cells if want[c] and c not in got]
            if not owed:
                break
            self.retried += len(owed)
            if timeout == AGAIN_S[0] and len(owed) < len(cells) // 10:
                owed += [c for c in cells if not want[c] and c not in got]
            got |= self.probe(owed, timeout)
        return got

    def expected(self, cells):
        oracle = Oracle(self.cluster.namespaces, self.cluster.policies,
                        self.host_policy)
        return {c: oracle.allows(c) for c in cells}

    def check(self, cells=None):
        """The wrong cells of what is in force now."""
        cells = self.cells if cells is None else cells
        want = self.expected(cells)
        got = self.measure(want, cells)
        wrong = [Wrong(c, want[c], c in got, '') for c in cells
                 if want[c] != (c in got)]
        open_now = [w.cell for w in wrong if w.got]
        if open_now:
            time.sleep(0.3)
            still = self.probe(open_now, self.first)
            wrong = [w._replace(note='' if w.cell in still else 'for a moment')
                     if w.got else w for w in wrong]
        return wrong

    # ---- tables written by hand ----

    def by_table(self, table, cell):
        """@table: (from, to, what, allowed) with globs; the first that fits
        decides, else it is allowed. To itself always is."""
        src, dst, proto, port, family = cell
        if src.key == dst.key:
            return True
        what = f'{proto}/{port}/v{family}'
        for from_, to, ports, allowed in table:
            if fits(src.key, from_) and fits(dst.key, to) and \
                    fits(what, ports):
                if src.kind == 'host' and dst.kind == 'pod' and \
                        src.node is dst.pod.node and not self.host_policy:
                    return True
                return allowed
        return True

    def oracle_errors(self, table):
        """Cells where the oracle and a table written by hand differ."""
        want = self.expected(self.cells)
        return [c for c in self.cells if want[c] != self.by_table(table, c)]

    # ---- telling ----

    def explain(self, wrong):
        """What to show for wrong cells, with what the product says of them."""
        out = [f'{len(wrong)} wrong of {len(self.cells)} cells']
        for w in wrong[:SHOW]:
            out.append(f'{cell_name(w.cell)}: expected '
                       f'{"allow" if w.want else "deny"}, got '
                       f'{"allow" if w.got else "deny"} {w.note}')
            out += ['    ' + line for line in self.why(w.cell)]
        return out

    def why(self, cell):
        src, dst, proto, port, family = cell
        target = dst.ips[family]
        target = f'[{target}]' if family == 6 else target
        what = f':{port}/{proto}' if port else ''
        for end in (src, dst):
            if end.node is None:
                continue
            _, out, err = end.node.warder('why', src.ips[family],
                                          target + what, ok=None)
            text = (out + err).strip().splitlines()
            yield from (f'{end.node.name}: {line}' for line in text[:8])


def fits(text, globs):
    """@globs: alternatives with spaces between."""
    return any(fnmatch.fnmatchcase(text, g) for g in globs.split())

# SPDX-License-Identifier: GPL-2.0-only
"""Two nodes with an agent each, pods, and the world around them.

    node-a (ptp)  ---+
                     +--- fabric: a bridge, the default route, the world's
    node-b (bridge) -+    addresses on its loopback

Objects reach the agents only as manifests, pods only through CNI, packets only
from sockets.
"""
import copy
import os
import shutil
import tempfile
import uuid

from . import kernel, yamlout
from .node import Node
from .prober import Handle

UPLINK = {4: '192.168.77.%d', 6: 'fd00:77::%d'}
POD_NET = {4: '10.%d.0.0/24', 6: 'fd00:10:%d::/64'}
POD_ADDR = {4: '10.%d.0.%d', 6: 'fd00:10:%d::%x'}
WORLD = {
    'ext1': {4: '203.0.113.10', 6: '2001:db8:113::10'},
    'ext2': {4: '203.0.113.20', 6: '2001:db8:113::20'},
    'ext3': {4: '198.51.100.5', 6: '2001:db8:100::5'},
}
PORTS = (80, 81)
PROTOS = ('tcp', 'udp', 'sctp')


def only(families, by_family):
    return {f: v for f, v in by_family.items() if f in families}


class Pod:
    """A pod object and, once it runs, the namespace behind it."""
    count = 0

    def __init__(self, ns, name, node, index, families, labels=None,
                 ports=None):
        self.ns, self.name, self.node = ns, name, node
        self.labels = dict(labels if labels is not None else {'pod': name})
        number = {'node-a': 1, 'node-c': 3}.get(node.name, 2)
        self.ips = {f: POD_ADDR[f] % (number, index) for f in families}
        self.uid = str(uuid.uuid4())
        Pod.count += 1
        self.created = f'2026-01-01T{Pod.count // 3600:02}:' \
            f'{Pod.count // 60 % 60:02}:{Pod.count % 60:02}Z'
        self.container = uuid.uuid4().hex
        self.ports = ports if ports is not None else [
            (f'serve-{p}-{proto}', p, proto)
            for p in PORTS for proto in PROTOS]
        self.phase = 'Pending'
        self.known_ips = {}  # status.podIPs
        self.annotations = {}
        self.host_network = False
        self.handle = self.space = self.netns = self.result = None

    @property
    def key(self):
        return f'{self.ns}/{self.name}'

    def manifest(self):
        meta = {'name': self.name, 'namespace': self.ns, 'uid': self.uid,
                'creationTimestamp': self.created, 'labels': self.labels}
        if self.annotations:
            meta['annotations'] = self.annotations
        spec = {'nodeName': self.node.name, 'containers': [
            {'name': f'cont-{port}-{proto}', 'image': 'agnhost',
             'ports': [{'containerPort': port, 'name': name,
                        'protocol': proto.upper()}]}
            for name, port, proto in self.ports]}
        status = {'phase': self.phase}
        if self.host_network:
            spec['hostNetwork'] = True
        if self.known_ips:
            ips = list(self.known_ips.values())
            status.update(podIP=ips[0], podIPs=[{'ip': ip} for ip in ips],
                          hostIP=next(iter(self.node.ips.values())))
        return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': meta,
                'spec': spec, 'status': status}


def _pod_inside():
    """What a runtime does before CNI: the loopback device."""
    kernel.link_up('lo')
    kernel.sysctl(ipv6__conf__default__accept_dad=0,
                  ipv6__conf__all__accept_dad=0)


class Cluster:
    """@families: (4, 6), (4,) or (6,). @start: start the agents."""
    plugins = ('ptp', 'bridge')  # of node-a, node-b ...

    def __init__(self, families=(4, 6), agent_args=(), start=True):
        self.families = families
        self.dir = tempfile.mkdtemp(prefix='wdnet-')
        os.chmod(self.dir, 0o700)
        self.manifests = os.path.join(self.dir, 'manifests')
        os.mkdir(self.manifests)
        self.namespaces = {}  # name -> labels
        self.ns_annotations = {}
        self.pods = []
        self.policies = []
        self.style = 'yaml'
        self.written = {}
        self.fabric = self.space = None
        self.nodes = []
        try:
            self._build()
            if start:
                self.start_agents(*agent_args)
        except BaseException:
            self.close()
            raise

    def start_agents(self, *args):
        for node in self.nodes:
            node.start_agent(*args, wait=False)
        for node in self.nodes:
            node.wait_ready()

    # ---- the wire ----

    def _build(self):
        def inside():
            kernel.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1,
                          ipv4__conf__all__rp_filter=0,
                          ipv4__conf__default__rp_filter=0,
                          ipv6__conf__default__accept_dad=0)
        self.fabric = Handle('world', setup=inside)
        self.space = kernel.Namespace(self.fabric.pid, False)
        lines = ['link set lo up', 'link add br0 type bridge',
                 'link set br0 up']
        for f in self.families:
            lines.append(f'addr add {UPLINK[f] % 254}/{64 if f == 6 else 24} '
                         f'dev br0' + ' nodad' * (f == 6))
            for ips in WORLD.values():
                lines.append(f'addr add {ips[f]}/{128 if f == 6 else 32} '
                             f'dev lo' + ' nodad' * (f == 6))
        self.space.ip(*lines)
        for number, plugin in enumerate(self.plugins, 1):
            self._add_node(number, plugin)
        self.fabric.ask('listen', socks=[
            [proto, ip, 80] for ips in WORLD.values()
            for f, ip in ips.items() if f in self.families
            for proto in ('tcp', 'udp')], addrs=[])

    def _add_node(self, number, plugin):
        name = 'node-' + ' abc'[number]
        node = Node(name, self.dir,
                    {f: UPLINK[f] % number for f in self.families},
                    {f: POD_NET[f] % number for f in self.families}, plugin)
        self.nodes.append(node)
        port = f'port{number}'
        self.space.ip(
            f'link add {port} type veth peer name eth0 netns {node.host.pid}',
            f'link set {port} master br0 up')
        lines = ['link set eth0 up']
        routes = []
        for f in self.families:
            ip, gate = node.ips[f], UPLINK[f] % 254
            lines.append(f'addr add {ip}/{64 if f == 6 else 24} dev eth0'
                         + ' nodad' * (f == 6))
            lines += [f'route add {POD_NET[f] % other} via '
                      f'{UPLINK[f] % other} dev eth0'
                      for other in range(1, len(self.plugins) + 1)
                      if other != number]
            any_net = '::/0' if f == 6 else '0.0.0.0/0'
            lines.append(f'route add {any_net} via {gate} dev eth0')
            routes.append(f'route add {POD_NET[f] % number} via {ip} dev br0')
        node.ns.ip(*lines)
        self.space.ip(*routes)
        node.host.ask('listen', socks=[
            [proto, ip, 80] for ip in node.ips.values()
            for proto in ('tcp', 'udp')], addrs=list(node.ips.values()))

    # ---- objects ----

    def node(self, name):
        return next(n for n in self.nodes if n.name == name)

    def pod(self, key):
        return next(p for p in self.pods if p.key == key)

    def base_objects(self):
        """Nodes, namespaces and pods, as the API server would show them."""
        out = [{'apiVersion': 'v1', 'kind': 'Node',
                'metadata': {'name': n.name, 'labels':
                             {'kubernetes.io/hostname': n.name}},
                'status': {'addresses': [{'type': 'InternalIP', 'address': ip}
                                         for ip in n.ips.values()]}}
               for n in self.nodes]
        for name, labels in self.namespaces.items():
            meta = {'name': name, 'labels': dict(labels)}
            if name in self.ns_annotations:
                meta['annotations'] = self.ns_annotations[name]
            out.append({'apiVersion': 'v1', 'kind': 'Namespace',
                        'metadata': meta})
        return out + [p.manifest() for p in self.pods]

    def write(self, name, text):
        """Replace one file of the manifests by rename; None removes it."""
        path = os.path.join(self.manifests, name)
        if self.written.get(name) == text:
            return
        if text is None:
            os.unlink(path)
            del self.written[name]
            return
        temp = os.path.join(self.dir, 'new-' + name)
        with open(temp, 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(temp, path)
        self.written[name] = text

    def write_objects(self):
        self.write('base.yaml', yamlout.text(self.base_objects()))
        name = 'policies.json' if self.style in ('json', 'list') \
            else 'policies.yaml'
        for old in ('policies.json', 'policies.yaml'):
            if old != name and old in self.written:
                self.write(old, None)
        self.write(name, yamlout.text(self.policies, self.style))

    def sync(self):
        procs = [(n, n.warder_popen('sync')) for n in self.nodes
                 if n.agent is not None]
        for node, proc in procs:
            _, err = proc.communicate(timeout=120)
            if proc.returncode:
                raise RuntimeError(f'sync on {node.name}: {proc.returncode}: '
                                   f'{err}\n{node.log_tail()}')

    def apply(self, policies=None):
        if policies is not None:
            self.policies = copy.deepcopy(policies)
        self.write_objects()
        self.sync()

    # ---- pods ----

    def start(self, pod):
        """The namespace of a pod that is an object already; not its network."""
        pod.handle = Handle(pod.key, setup=_pod_inside)
        pod.space = kernel.Namespace(pod.handle.pid, False)
        pod.netns = os.path.join(pod.node.netns_dir, pod.container)
        with open(pod.netns, 'w', encoding='ascii'):
            pass
        source = pod.space.path()
        pod.node.ns.call(lambda: kernel.mount(source, pod.netns,
                                              flags=kernel.MS_BIND))

    def listen(self, pod):
        pod.handle.ask('listen', addrs=list(pod.ips.values()), socks=[
            [proto, ip, port] for ip in pod.ips.values()
            for _, port, proto in pod.ports])

    def run_pods(self, pods):
        """The usual way: scheduled, network by CNI, then addresses known."""
        self.pods += [p for p in pods if p not in self.pods]
        self.apply()
        for pod in pods:
            self.start(pod)
            pod.node.cni_add(pod)
            self.listen(pod)
            pod.phase, pod.known_ips = 'Running', dict(pod.ips)
        self.apply()

    def delete(self, pod, sync=True):
        """CNI DEL, the process, the object."""
        pod.node.cni_del(pod)
        pod.node.ns.run(['umount', pod.netns])
        os.unlink(pod.netns)
        pod.space.close()
        pod.handle.close()
        pod.handle = pod.space = pod.result = None
        self.pods.remove(pod)
        if sync:
            self.apply()

    def close(self):
        for pod in self.pods:
            if pod.handle:
                pod.space.close()
                pod.handle.close()
        for node in self.nodes:
            node.close()
        if self.fabric:
            self.fabric.close()
        if self.space:
            self.space.close()
        if os.environ.get('WD_KEEP') != '1':
            shutil.rmtree(self.dir, ignore_errors=True)


def e2e(families=(4, 6), agent_args=()):
    """Namespaces x, y, z with pods a, b, c each, spread over both nodes."""
    cluster = Cluster(families, agent_args)
    try:
        cluster.namespaces = {n: {'ns': n} for n in 'xyz'}
        pods = []
        for i, key in enumerate(ns + '/' + name for ns in 'xyz'
                                for name in 'abc'):
            ns, name = key.split('/')
            pods.append(Pod(ns, name, cluster.nodes[i % 2], 10 + i, families))
        cluster.run_pods(pods)
    except BaseException:
        cluster.close()
        raise
    return cluster

# SPDX-License-Identifier: GPL-2.0-only
"""The two nodes of the demo, the wire between them, and the pods.

    office (a host outside of the cluster, and the switch)
      |  br0: 192.168.50.254, fd00:50::fe; lo: the office's own addresses
      +-- node-1  192.168.50.1  pods 10.244.1.0/24, fd00:244:1::/64
      +-- node-2  192.168.50.2  pods 10.244.2.0/24, fd00:244:2::/64

Each of the three is a network, mount and process namespace behind one process
that sleeps. /run, /proc and /sys/fs/bpf are their own, so that everything has
its usual place and nothing is ever written on the machine itself. When the
sleeping process ends, the kernel takes away all of it.
"""
import ctypes
import json
import os
import signal
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('WD_BUILD') or os.path.join(TOP, 'build')
WARDER = os.path.join(BUILD, 'warder')
PLUGINS = {'ptp': '/usr/lib/cni/ptp',
           'warder-cni': os.path.join(BUILD, 'warder-cni')}
MANIFESTS = '/run/manifests'
LOG = '/run/agent.log'
TAG = f'WARDER_DEMO={os.getpid()}.{time.time_ns()}'
PR_SET_PDEATHSIG = 1

SLEEPER = '''read -r pid _ </proc/self/stat
mount -t proc proc /proc && mount -t tmpfs tmpfs /run &&
mkdir -p /run/netns /run/manifests && mount -t bpf bpf /sys/fs/bpf || exit 1
echo "$pid"
exec sleep infinity
'''

SETTINGS = '''for f in 4/ip_forward=1 6/conf/all/forwarding=1 \\
	6/conf/default/accept_dad=0 6/conf/all/accept_dad=0
do echo "${f#*=}" >"/proc/sys/net/ipv${f%=*}" || exit 1; done
ip link set lo up
'''

OFFICE = '''ip link add br0 type bridge
ip link set br0 up
ip addr add 192.168.50.254/24 dev br0
ip addr add fd00:50::fe/64 dev br0 nodad
for a in 192.0.2.10 192.0.2.66; do ip addr add $a/32 dev lo; done
for a in 2001:db8:2::10 2001:db8:2::66; do ip addr add $a/128 dev lo nodad; done
for n in 1 2; do
	ip route add 10.244.$n.0/24 via 192.168.50.$n
	ip route add fd00:244:$n::/64 via fd00:50::$n
done
'''

# $n this node, $o the other.
NODE = '''ip link set uplink up
ip addr add 192.168.50.$n/24 dev uplink
ip addr add fd00:50::$n/64 dev uplink nodad
ip route add 10.244.$o.0/24 via 192.168.50.$o
ip route add fd00:244:$o::/64 via fd00:50::$o
ip route add default via 192.168.50.254
ip route add default via fd00:50::fe
'''

POD = '''ip netns add "$1" || exit 1
exec ip netns exec "$1" sh -c '
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
exec ip link set lo up'
'''


class Failed(Exception):
    """Something that the demo rests on did not work."""


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Space:
    """Namespaces behind a process that sleeps, and commands in there."""

    def __init__(self, name):
        self.name = name
        self.proc = subprocess.Popen(
            ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child',
             'sh', '-c', SLEEPER], stdout=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent, start_new_session=True)
        line = self.proc.stdout.readline()
        if not line:
            raise Failed(f'no namespaces for {name}')
        self.pid = int(line)
        self.sh(SETTINGS)

    def argv(self, *command, net=None):
        """COMMAND as run from outside; in the namespace of pod NET."""
        words = ['nsenter', '-t', str(self.pid), '-m', '-p', '-n', '--']
        if net:
            words += ['nsenter', f'--net=/run/netns/{net}', '--']
        return words + list(command)

    def run(self, *command, env=None, text=None, ok=(0,)):
        """Return what it prints. Failed() if its exit code is not in OK."""
        done = subprocess.run(
            self.argv(*command), input=text, capture_output=True, text=True,
            check=False, timeout=60, env={**os.environ, **(env or {})},
            start_new_session=True)
        if done.returncode not in ok:
            raise Failed(f'{self.name}: {" ".join(command)[:200]}: exit code '
                         f'{done.returncode}\n{done.stdout}{done.stderr}')
        return done.stdout

    def sh(self, script, *args, **env):
        return self.run('sh', '-e', '-c', script, 'sh', *args, env=env)

    def popen(self, *command, net=None, **more):
        return subprocess.Popen(self.argv(*command, net=net), text=True,
                                start_new_session=True, **more)

    def wire(self, port, node):
        """A veth from a port of the switch in here to NODE's uplink."""
        subprocess.run(
            ['nsenter', '-t', str(self.pid), '-n', 'ip', 'link', 'add', port,
             'master', 'br0', 'up', 'type', 'veth', 'peer', 'name', 'uplink',
             'netns', str(node.pid)], check=True)

    def path(self, path):
        """PATH of its mounts as seen from here."""
        return f'/proc/{self.pid}/root{path}'

    def close(self):
        """The sleeper dies with unshare, and all others with the sleeper."""
        self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        wait_for(f'{self.name} has ended',
                 lambda: not os.path.exists(f'/proc/{self.pid}'))


class Prober:
    """probe.py in a namespace."""

    def __init__(self, space, net=None):
        self.lock = threading.Lock()
        self.proc = space.popen('python3', os.path.join(HERE, 'probe.py'),
                                net=net, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.answer()

    def answer(self):
        line = self.proc.stdout.readline()
        if not line:
            raise Failed('a prober ended')
        doc = json.loads(line)
        if 'error' in doc:
            raise Failed(doc['error'])
        return doc['result']

    def call(self, call, **args):
        with self.lock:
            self.proc.stdin.write(json.dumps({'call': call, 'args': args})
                                  + '\n')
            self.proc.stdin.flush()
            return self.answer()

    def close(self):
        self.proc.stdin.close()
        self.proc.wait()
        self.proc.stdout.close()


class Pod:
    """One pod: its object as text is in shop/, its network is made here."""

    def __init__(self, node, ns, name, number, tcp=(), udp=()):
        self.node, self.ns, self.name = node, ns, name
        self.ips = {4: f'10.244.{node.number}.{number}',
                    6: f'fd00:244:{node.number}::{number}'}
        self.tcp, self.udp = list(tcp), list(udp)
        self.prober = None

    def add(self):
        """What kubelet and runtime do: namespace, CNI ADD, process."""
        self.node.sh(POD, self.name)
        self.node.cni('ADD', self)
        self.prober = Prober(self.node, self.name)
        self.prober.call('listen', tcp=self.tcp, udp=self.udp)

    def delete(self):
        self.prober.close()
        self.node.cni('DEL', self)
        self.node.run('ip', 'netns', 'del', self.name)


class Node(Space):
    """A space with an agent."""

    def __init__(self, number, office):
        super().__init__(f'node-{number}')
        self.number, self.agent, self.chain = number, None, None
        office.wire(f'port{number}', self)
        self.sh(NODE, n=str(number), o=str(3 - number))
        with open(os.path.join(HERE, 'chain.json'),
                  encoding='utf-8') as f:
            text = f.read()
        text = text.replace('@NET4@', f'10.244.{number}.0/24')
        self.chain = json.loads(
            text.replace('@NET6@', f'fd00:244:{number}::/64'))

    # ---- the agent ----

    def start_agent(self):
        self.agent = self.popen(
            'sh', '-c', f'exec "$@" 2>>{LOG}', 'sh', WARDER, 'agent',
            '--node', self.name, '--manifests', MANIFESTS,
            '--state-dir', '/run/warder-state')

    def warder(self, *words, ok=(0,)):
        return self.run(WARDER, *words, ok=ok)

    def status(self):
        return json.loads(self.warder('status', '--wait', '--json'))

    def kill_agent(self):
        """SIGKILL, by the pid that the agent gives for itself."""
        self.run('kill', '-KILL', str(self.status()['pid']))
        self.agent.wait()

    def log(self):
        try:
            with open(self.path(LOG), encoding='utf-8') as f:
                return f.read()
        except OSError:
            return ''

    # ---- manifests: replaced by rename, as is asked for ----

    def write(self, name, text):
        path = self.path(f'{MANIFESTS}/{name}')
        with open(path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(path + '.new', path)

    # ---- CNI: the plugins of the list one after the other ----

    def cni(self, verb, pod):
        env = {'CNI_COMMAND': verb, 'CNI_CONTAINERID': f'demo-{pod.name}',
               'CNI_NETNS': f'/run/netns/{pod.name}', 'CNI_IFNAME': 'eth0',
               'CNI_PATH': '/usr/lib/cni', 'CNI_ARGS': 'IgnoreUnknown=1;'
               f'K8S_POD_NAMESPACE={pod.ns};K8S_POD_NAME={pod.name}'}
        plugins = self.chain['plugins']
        result = None
        for plugin in plugins if verb == 'ADD' else reversed(plugins):
            conf = {k: v for k, v in plugin.items() if k != 'capabilities'}
            conf.update(name=self.chain['name'],
                        cniVersion=self.chain['cniVersion'])
            if 'capabilities' in plugin:
                conf['runtimeConfig'] = {'ips': list(pod.ips.values())}
            if result:
                conf['prevResult'] = result
            out = self.run(PLUGINS[plugin['type']], env=env,
                           text=json.dumps(conf))
            if verb == 'ADD':
                result = json.loads(out)
        return result


def wait_for(what, condition, seconds=10):
    """Until CONDITION() is true; its value. Failed(WHAT) when time is up."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failed(f'not within {seconds} s: {what}')
        time.sleep(0.05)

# SPDX-License-Identifier: GPL-2.0-only
"""A node under traffic whose agent meets a kernel that refuses, and what is in
force on it.

    ok   may open to srv
    bad  may not, by srv's policy
    shy  may, by srv's policy, but not by its own

All three send to it the whole time, UDP and openings of TCP, IPv4 and IPv6, and
what arrives is counted before srv's stack.
"""
import os
import re
import socket
import time

from .refuse import Refuse
from .solo import Solo, ingress_policy
from .tap import Fail
from .torrent import FAMILY, Ear, Mouth, Torrent, inside

RUNGS = ('full', 'compat', 'minimal', 'nft', 'hold')
OBJECTS = {'wd_pod': 'full', 'wd_compat': 'compat', 'wd_minimal': 'minimal'}
BPF = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                   '../../../bpf')
SAFE_S = 1.0  # from the first refusal to a safe state
GRACE_S = 0.03  # packets that passed a hook wait for a busy CPU so long
ROUNDS = 6  # of sending each kind of packet, for one look at what arrives
PORT = 9  # nobody answers: an answer would open the way for what it answers


def maps_of_source(of_wires):
    """Names of the maps that all objects have, or of those of wires alone."""
    found = []
    for name in sorted(os.listdir(BPF)):
        if not name.endswith('.h') or name.startswith('wire') != of_wires:
            continue
        with open(os.path.join(BPF, name), encoding='utf-8') as f:
            found += re.findall(r'^} (\w+) SEC\("\.maps"\)', f.read(), re.M)
    return found


MAPS, WIRE_MAPS = maps_of_source(False), maps_of_source(True)


def isolated(name, subject):
    return {'apiVersion': 'networking.k8s.io/v1', 'kind': 'NetworkPolicy',
            'metadata': {'name': name, 'namespace': 'shop'},
            'spec': {'podSelector': {'matchLabels': {'app': subject}},
                     'policyTypes': ['Egress'], 'egress': []}}


class Rungs:
    """@families: of the traffic, and of the pods."""

    def __init__(self, families=(4, 6)):
        self.families = families
        self.torrent, self.ears, self.refuse = None, [], None
        self.usual_s = SAFE_S  # what a start takes without refusals
        self.looked = [0, 0]  # denied packets sent and arrived in looks
        self.c = Solo(families)
        self.node = self.c.only_node
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        self.srv, self.ok, self.bad, self.shy = pods = [
            self.c.make_pod(name, 10 + i)
            for i, name in enumerate(('srv', 'ok', 'bad', 'shy'))]
        self.c.policies = [ingress_policy('srv', 'srv', 'ok', 'shy'),
                           isolated('shy', 'shy')]
        self.c.run_pods(pods)
        self.node.stop_agent()
        self.refuse = Refuse(self.node)
        self.node.start_agent()
        self.mouths = {}  # (pod's name, family, protocol) -> Mouth
        self._pour()

    def _pour(self):
        self.mute = [inside(self.srv.space, lambda f=f: self._mute(f))
                     for f in self.families]
        groups = []
        for pod in (self.ok, self.bad, self.shy):
            group = [Mouth(pod, family, proto, self.srv.ips[family],
                           PORT, pod is not self.ok or proto == 'tcp')
                     for proto in ('tcp', 'udp') for family in self.families]
            for mouth in group:
                ear = Ear(self.srv, mouth.family, mouth.proto, mouth.source)
                self.ears.append((pod, mouth, ear))
            groups.append(group)
        self.torrent = Torrent(groups)

    def _mute(self, family):
        sock = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
        sock.bind((self.srv.ips[family], PORT))
        return sock

    # ---- what arrives ----

    def arrived(self, *pods):
        return sum(ear.count() for pod, _, ear in self.ears if pod in pods)

    def denied(self):
        """Packets that should not have arrived, since the pods began."""
        return self.arrived(self.bad, self.shy)

    def arrived_by_kind(self):
        return [f'{pod.name}, {mouth.proto} over IPv{mouth.family}: '
                f'{self.torrent.sent(mouth)} sent, {ear.count()} arrived'
                for pod, mouth, ear in self.ears]

    def permitted(self):
        """How many permitted packets were sent, and how many arrived; while
        it goes on some are under way."""
        return (sum(self.torrent.sent(mouth) for pod, mouth, _ in self.ears
                    if pod is self.ok), self.arrived(self.ok))

    def sent_denied(self):
        return sum(self.torrent.sent(mouth) for pod, mouth, _ in self.ears
                   if pod is not self.ok)

    def send_rounds(self):
        """Each kind is sent some times, and has arrived if it may."""
        self.torrent.wait_ticks(ROUNDS * len(self.families) * 2)
        time.sleep(GRACE_S)

    def check_traffic(self, passes=True):
        """Nothing denied arrives. @passes: True each kind of the rest does,
        False nothing, None whatever."""
        before = {mouth: ear.count() for _, mouth, ear in self.ears}
        sent = self.sent_denied()
        self.send_rounds()
        self.looked[0] += self.sent_denied() - sent
        wrong = []
        for pod, mouth, ear in self.ears:
            got = ear.count() - before[mouth]
            what = f'{mouth.proto} over IPv{mouth.family} of {pod.name}'
            if pod is not self.ok and got:
                self.looked[1] += got
                wrong.append(f'{got} denied {what} arrived')
            if pod is self.ok and passes not in (None, bool(got)):
                wrong.append(f'{got} permitted {what} arrived')
        if wrong:
            raise Fail(*wrong)

    # ---- the agent's life ----

    def detach(self):
        """Nothing is in force any more, and no agent is there."""
        if self.node.agent is not None:
            self.node.warder('stop', '--detach')
            self.node.agent.wait(30)
            self.node.agent = None

    def forget(self):
        """What the agents before have learned of this kernel."""
        path = os.path.join(self.node.dir, 'state', 'ladder.json')
        if os.path.exists(path):
            os.unlink(path)

    def is_ready(self):
        """Does the agent say that all is in force, or that nothing will be?"""
        code, out, err = self.node.warder('status', '--wait=0', '--json',
                                          ok=None)
        if code and self.node.agent.poll() is not None:
            raise Fail('the agent ended:', self.last_words())
        return code == 0 or self.on_hold(err + out)

    def on_hold(self, text):
        """`status --wait` fails on hold, where what was read waits."""
        return 'rung hold' in text and self.ladder()['rung'] == 'hold'

    def until_ready(self, seconds=20.0):
        """Gives when it was."""
        end = time.monotonic() + seconds
        while not self.is_ready():
            if time.monotonic() > end:
                raise Fail('not ready:', self.node.warder(
                    'status', ok=None)[1], self.last_words())
            time.sleep(0.005)
        return time.monotonic()

    def until_safe(self, since, seconds=20.0):
        """Waits for the agent to say that it is ready and for denied packets
        to stay away. Gives since when both is so."""
        end = time.monotonic() + seconds
        safe = self.until_ready(seconds)
        while True:
            before = self.denied()
            self.send_rounds()
            if self.denied() == before:
                return safe
            safe = time.monotonic()
            if safe > end:
                raise Fail('denied packets go on arriving:',
                           *self.arrived_by_kind(), self.last_words())

    def start(self, *rules, args=()):
        """An agent that meets these rules. Gives when the first call was
        refused (or it was started) and when the node was safe."""
        self.refuse.set(*rules)
        begun = time.monotonic()
        self.node.start_agent(*args, wait=False)
        safe = self.until_safe(begun)
        refused = self.refuse.refused(begun)
        return (refused[0]['t'] if refused else begun), safe

    def last_words(self, lines=4):
        """The end of the agent's log; a verifier's log is long."""
        return '\n'.join(line[:300] for line in
                         self.node.log_tail(lines).splitlines())

    def ladder(self):
        """Rung, object and attempts."""
        return self.node.status()

    def close(self):
        if self.torrent:
            self.torrent.close()
        for _, _, ear in self.ears:
            ear.close()
        self.c.close()
        if self.refuse:
            self.refuse.close()

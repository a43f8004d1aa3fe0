# SPDX-License-Identifier: GPL-2.0-only
"""Changes of one tenant's objects without a pause, and how long those of another
wait meanwhile."""
import os
import time

from .solo import ingress_policy

AT_ONCE = 20
APPS = ('srv', 'ok', 'bad', 'x', 'y')
QUIET = 3  # unanswered probes that are no accident
PROBE_S = 0.015


def spread(seconds):
    """In words: the middle, all but one of a hundred, the worst."""
    ms = sorted(int(s * 1000) for s in seconds)
    return f'p50 {ms[len(ms) // 2]} ms, p99 {ms[len(ms) * 99 // 100]} ms, ' \
        f'at most {ms[-1]} ms of {len(ms)}'


class Churn:
    """Pods, policies and services of namespace shop."""

    def __init__(self, c, rng):
        self.c, self.rng, self.sent = c, rng, 0
        self.last = {}  # what was told of each

    def labels(self):
        return {'app': self.rng.choice(APPS), 'r': str(self.rng.randrange(50))}

    def pod(self, i):
        ip = f'10.9.{i // 250}.{i % 250 + 1}'
        return 'v1', 'Pod', f'p{i}', {
            'spec': {'nodeName': 'node-b', 'containers': []},
            'status': {'phase': 'Running', 'podIP': ip,
                       'podIPs': [{'ip': ip}]}}

    def policy(self, i):
        more = ingress_policy('', self.rng.choice(APPS[3:]),
                              *self.rng.sample(APPS, 2))
        return 'networking.k8s.io/v1', 'NetworkPolicy', f't{i}', {
            'spec': more['spec']}

    def cilium(self, i):
        block = f'203.0.{self.rng.randrange(250)}.0/24'
        return 'cilium.io/v2', 'CiliumNetworkPolicy', f'c{i}', {'spec': {
            'endpointSelector': {'matchLabels': self.labels()},
            'egress': [{'toCIDR': [block]}, {'toEndpoints': [
                {'matchLabels': self.labels()}]}]}}

    def service(self, i):
        return 'v1', 'Service', f's{i}', {'spec': {
            'clusterIP': f'10.96.1.{i + 1}',
            'ports': [{'port': 80 + self.rng.randrange(3)}]}}

    def slice(self, i):
        return 'discovery.k8s.io/v1', 'EndpointSlice', f's{i}', {
            'addressType': 'IPv4', 'ports': [{'port': 80}],
            'endpoints': [{'addresses': [
                f'10.9.0.{self.rng.randrange(200) + 1}']} for _ in range(3)]}

    def change(self):
        make, most = self.rng.choice((
            (self.pod, 500), (self.policy, 100), (self.cilium, 50),
            (self.service, 40), (self.slice, 40)))
        api, kind, name, rest = make(self.rng.randrange(most))
        labels = {'kubernetes.io/service-name': name} \
            if kind == 'EndpointSlice' else self.labels()
        obj = {'apiVersion': api, 'kind': kind, 'metadata': {
            'name': name, 'namespace': 'shop', 'labels': labels}, **rest}
        self.last[kind, name] = obj
        return obj

    def keep_up(self, count):
        """Send as many as are due by now."""
        many = min(count - self.sent, AT_ONCE)
        if many > 0:
            self.c.server.ask('puts', objects=[
                self.change() for _ in range(many)])
            self.sent += many

    def end(self):
        for obj in self.last.values():
            self.c.server.ask('del', object=obj)


def open_now(src, dst):
    return bool(src.handle.ask('probe', timeout=PROBE_S, targets=[
        ['udp', None, dst.ips[4], 81]])['answers'][0])


def until_seen(src, dst, want, meanwhile):
    """@meanwhile: called between looks. Return: when it was seen first."""
    seen, since = 0, 0.0
    while seen < (1 if want else QUIET):
        meanwhile()
        hit = open_now(src, dst) == want
        since = since if hit and seen else time.monotonic()
        seen = seen + 1 if hit else 0
    return since


def used(pid):
    """Seconds of a processor, and KiB that are resident."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        words = f.read().rsplit(')', 1)[1].split()
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        rss = [line.split()[1] for line in f if line.startswith('VmRSS')][0]
    ticks = os.sysconf('SC_CLK_TCK')
    return (int(words[11]) + int(words[12])) / ticks, int(rss)

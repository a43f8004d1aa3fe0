# SPDX-License-Identifier: GPL-2.0-only
"""Services that are translated at the pod's own sockets: no packet has their
address, and policy judges where it goes instead. test_services.py asks these.
"""
import contextlib
import json

from cases.dsl import out_of, port, sel, to
from test_services import (NODE_PORT, Service, Through, apply, asks, reaches,
                           to_pods_of, translate)
from wdnet.ask import DENIED_S, OWED_S
from wdnet.cluster import WORLD
from wdnet.socketlb import SocketBalancer
from wdnet.tap import expect


def rules_of(c, s):
    """Every address of a service, to its first backend."""
    out = []
    for f in c.families:
        fronts = [(s.ips[f], s.at)]
        fronts += [(known[f], s.at) for known in (s.external, s.balancer)
                   if f in known]
        if s.node_port:
            fronts += [(node.ips[f], s.node_port) for node in c.nodes]
        out += [(s.proto, front, (s.backends[0].ips[f], s.target))
                for front in fronts]
    return out


@contextlib.contextmanager
def translated(c, services, policies):
    """At the sockets of pods, and nowhere else."""
    lb = SocketBalancer([p.handle for p in c.pods])
    try:
        apply(c, services, policies)
        translate(c, [])
        lb.translate([r for s in services for r in rules_of(c, s)])
        yield lb
    finally:
        lb.close()


def fronts(s, c, want):
    """All ways to ask for it."""
    out = [('ClusterIP', s.ips, s.at, s.proto, want)]
    out += [(name, known, s.at, s.proto, want) for name, known in (
        ('ExternalIP', s.external), ('LoadBalancer', s.balancer)) if known]
    return out + [(f'NodePort of {node.name}', node.ips, s.node_port, s.proto,
                   want) for node in c.nodes if s.node_port]


def sockets_are_judged_by_the_backend(c):
    """All addresses of services, TCP and UDP, allowed, denied and free."""
    some = [Service(ns, f'{ns}-{proto}', 40 + i, [c.pod(key)], at=at,
                    target=80, proto=proto, node_port=NODE_PORT + i,
                    external=WORLD['ext2'] if i == 0 else None,
                    balancer=WORLD['ext3'] if i == 1 else None)
            for i, (ns, key, proto, at) in enumerate((
                ('y', 'y/b', 'tcp', 8080), ('z', 'z/a', 'tcp', 8081),
                ('y', 'y/a', 'udp', 8053), ('z', 'z/b', 'udp', 8054)))]
    x, free = c.pod('x/a'), c.pod('x/c')
    with translated(c, some, [out_of('x', sel(pod='a'), to(
            *to_pods_of('y')['to'], ports=[port(80), port(80, 'UDP')]))]):
        asks(c, x, *(q for s in some for q in fronts(
            s, c, s.backends[0].key if s.ns == 'y' else None)))
        asks(c, free, *(q for s in some for q in fronts(
            s, c, s.backends[0].key)))
        told(x, some[0], 'allow')
        told(x, some[1], 'drop')
    with translated(c, some, [out_of('x', sel(pod='a'))]):
        asks(c, x, *(q for s in some for q in fronts(s, c, None)))


def told(pod, s, verdict):
    """By the service's name, and of the backend that packets name."""
    for f, where in ((4, '%s:%d/%s'), (6, '[%s]:%d/%s')):
        front = where % (s.ips[f], s.at, s.proto)
        back = where % (s.backends[0].ips[f], s.target, s.proto)
        want = 0 if verdict == 'allow' else 1
        doc = json.loads(pod.node.warder('why', pod.key, front, '--json',
                                         ok=want)[1])
        expect((verdict, s.ns, s.name, s.backends[0].ips[f]),
               (doc['verdict'], doc['service']['namespace'],
                doc['service']['name'], doc['service']['address']), front)
        doc = json.loads(pod.node.warder('why', pod.key, back, '--json',
                                         ok=want)[1])
        expect(verdict, doc['verdict'], back)


def sockets_that_are_not_connected_hear_from_the_service(c):
    """sendmsg(2) and recvmsg(2) of each datagram."""
    near = Service('y', 'near', 50, [c.pod('y/b')], at=8053, target=80,
                   proto='udp')
    far = Service('z', 'far', 51, [c.pod('z/b')], at=8054, target=80,
                  proto='udp')
    with translated(c, [near, far], [out_of('x', sel(pod='a'),
                                            to_pods_of('y'))]):
        for f in c.families:
            for s, want in ((near, True), (far, False)):
                got = datagram(c.pod('x/a'), s.ips[f], s.at, want)
                expect((s.backends[0].key, s.ips[f], s.at) if want else None,
                       got, f'{s.name} over IPv{f}')


def datagram(pod, ip, number, want):
    """(name, address, port) that answers."""
    ask = pod.handle.ask
    for timeout in OWED_S if want else (DENIED_S,):
        got = ask('datagram', dst=ip, port=number, timeout=timeout)['answer']
        if got:
            return tuple(got)
    return None


def sockets_are_cut_when_a_policy_takes_it_back(c):
    s = Service('y', 'live', 52, [c.pod('y/b')], at=8080)
    x = c.pod('x/a')
    with translated(c, [s], [out_of('x', sel(pod='a'), to_pods_of('y'))]):
        flows = [Through(x, s, f, 'tcp') for f in c.families]
        for flow in flows:
            flow.client_speaks(True)
        apply_only(c, s, [out_of('x', sel(pod='a'), to_pods_of('z'))])
        for flow in flows:
            flow.client_speaks(False)
            flow.close()


def apply_only(c, s, policies):
    c.apply(policies + s.manifests())


def a_pod_asks_itself_by_its_service_at_the_socket(c):
    """It does not leave the pod."""
    x = c.pod('x/a')
    s = Service('x', 'own', 53, [x], at=8080)
    with translated(c, [s], [out_of('x', sel(pod='a'))]):
        reaches(c, x, s)


TESTS = [sockets_are_judged_by_the_backend,
         sockets_that_are_not_connected_hear_from_the_service,
         sockets_are_cut_when_a_policy_takes_it_back,
         a_pod_asks_itself_by_its_service_at_the_socket]

# SPDX-License-Identifier: GPL-2.0-only
"""What a demo could leave on this machine, apart from BPF programs, which are
known by their ids. Asked before and after; what is there in between counts."""
import glob
import os

import nodes

# The usual places; on the nodes they are the nodes' own.
PLACES = ('/run/warder', '/run/warder-state', '/run/manifests', '/run/ipam',
          '/run/agent.log', '/sys/fs/bpf/warder', '/run/netns/web-1',
          '/var/lib/warder', '/var/lib/cni/networks/shop')


def footprint():
    """Whatever on this machine could be of a demo, one text each."""
    found = set()
    for path in glob.glob('/proc/[0-9]*/environ'):
        try:
            with open(path, 'rb') as f:
                if nodes.TAG.encode() in f.read():
                    found.add(path)
        except OSError:
            pass
    found.discard(f'/proc/{os.getpid()}/environ')
    with open('/proc/self/mountinfo', encoding='utf-8') as f:
        found |= {line.split()[4] for line in f
                  if line.split()[4].startswith(PLACES)}
    found |= {f'link {name}' for name in ('br0', 'port1', 'port2', 'uplink')
              if os.path.exists(f'/sys/class/net/{name}')}
    return found | {path for path in PLACES if os.path.exists(path)}

# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs of a guest: archives in cpio's newc format, written in memory.

One for the userspace, the same for every boot: a shell, a few commands, the
test programs and the libraries they need, copied from this machine. One for
each boot: its modules, how it is set up, which tests it runs. Knows nothing of
what the programs test.
"""
import gzip
import lzma
import os
import re
import shutil
import stat
import subprocess

MODULES = ('veth', 'bridge', 'sch_ingress', 'cls_bpf')
# Of the rung nft; the guest has nothing that would load them when needed.
NFT_MODULES = ('nf_tables', 'nf_conntrack', 'nft_ct', 'nft_limit',
               'nft_counter', 'nft_objref', 'nft_meta_bridge',
               'nf_conntrack_bridge')
# Of services judged behind the translation, and of who translates them.
LATE_MODULES = ('nf_tables', 'nf_conntrack', 'nft_chain_nat', 'nft_nat')
# Of WireGuard, where the kernel has it.
WG_MODULES = ('wireguard',)
# What else could carry traffic between nodes, and a queue that is slow.
WIRE_MODULES = ('vxlan', 'geneve', 'ip_gre', 'ip6_gre', 'ipip', 'sit',
                'ip6_tunnel', '8021q', 'sch_netem', 'vrf', 'nft_chain_nat',
                'nft_nat', 'fou', 'l2tp_core', 'l2tp_netlink')
# What libraries and programs open by name while they run.
LIBRARIES = ('libnftables.so.1',)
LIBRARY_FOLDERS = ('/usr/lib/x86_64-linux-gnu', '/lib/x86_64-linux-gnu',
                   '/usr/lib64', '/usr/lib')
# Busybox has lesser ones by these names, and none of nft.
COMMANDS = ('ip', 'tc', 'setpriv', 'nft')
APPLETS = ('cat', 'cut', 'grep', 'insmod', 'ls', 'mkdir', 'mount', 'nsenter',
           'poweroff', 'rm', 'sed', 'sleep', 'timeout', 'true', 'umount',
           'uname')
FOLDERS = ('dev', 'mnt', 'proc', 'root', 'run/netns', 'sys', 'tmp')
DEVICES = (('dev/console', 5, 1), ('dev/null', 1, 3))
SEARCH = '/usr/sbin:/usr/bin:/sbin:/bin'
HERE = os.path.dirname(os.path.abspath(__file__))


def read(path):
    with open(path, 'rb') as f:
        return f.read()


class Cpio:
    """An archive that grows; folders are made as they are needed."""

    def __init__(self):
        self.parts = []
        self.names = set()

    def entry(self, path, mode, data=b'', device=(0, 0)):
        path = path.lstrip('/')
        if path in self.names:
            return
        self.names.add(path)
        if '/' in path:
            self.folder(os.path.dirname(path))
        name = path.encode() + b'\0'
        field = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, *device,
                 len(name), 0)
        head = b'070701' + b''.join(b'%08X' % n for n in field) + name
        self.parts += [head, b'\0' * (-len(head) % 4),
                       data, b'\0' * (-len(data) % 4)]

    def folder(self, path):
        self.entry(path, stat.S_IFDIR | 0o755)

    def file(self, path, data, mode=0o755):
        self.entry(path, stat.S_IFREG | mode, data)

    def link(self, path, target):
        self.entry(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self.entry(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def program(self, path, source):
        """A program and, at the paths they have here, its libraries."""
        self.file(path, read(source))
        found = subprocess.run(['ldd', source], text=True, check=False,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
        for library in re.findall(r'(/\S+) \(0x', found):
            self.file(library, read(library))

    def close(self):
        self.entry('TRAILER!!!', 0)
        data = b''.join(self.parts)
        return data + b'\0' * (-len(data) % 512)


def command(name):
    path = shutil.which(name, path=SEARCH)
    if not path:
        raise FileNotFoundError(f'{name} is missing: tools/setup kernels')
    return path


def library(name):
    for folder in LIBRARY_FOLDERS:
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    return None


def userspace(programs):
    """programs: {path in the guest: path here}"""
    cpio = Cpio()
    for path in FOLDERS:
        cpio.folder(path)
    for device in DEVICES:
        cpio.device(*device)
    cpio.file('init', read(os.path.join(HERE, 'init')))
    cpio.file('bin/busybox', read(command('busybox')))
    for name in APPLETS:
        cpio.link(f'bin/{name}', 'busybox')
    cpio.program('bin/sh', os.path.realpath(command('dash')))
    for name in COMMANDS:
        cpio.program(f'bin/{name}', command(name))
    for path, source in programs.items():
        cpio.program(path, source)
    for name in LIBRARIES:
        path = library(name)
        if path:  # else the rung that opens it will say so
            cpio.program(path, path)
    return cpio.close()


def plain_name(path):
    return re.sub(r'\.ko.*$', '', os.path.basename(path)).replace('-', '_')


def in_order(folder, wanted):
    """Paths of the wanted modules, each behind those it needs."""
    needs = {}
    with open(os.path.join(folder, 'modules.dep'), encoding='utf-8') as f:
        for line in f:
            path, rest = line.rstrip('\n').split(':', 1)
            needs[path] = rest.split()
    path_of = {plain_name(path): path for path in needs}
    order = []

    def visit(path):
        for other in needs[path]:
            if other not in order:
                visit(other)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in path_of:  # else it is built in, or the tests will tell
            visit(path_of[name])
    return order


def unpacked(path):
    data = read(path)
    if path.endswith('.xz'):
        return lzma.decompress(data)
    if path.endswith('.gz'):
        return gzip.decompress(data)
    if path.endswith('.zst'):
        return subprocess.run(['zstd', '-dcq'], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data


def of_boot(folder, wanted, without, files):
    """Modules of one kernel in @folder, if it has any: the @wanted ones, but
    those in @without; and @files below boot/ for init: {name: text}"""
    cpio = Cpio()
    names = []
    if os.path.isdir(folder):
        for path in in_order(folder, wanted):
            if plain_name(path) in without:
                continue
            names.append(plain_name(path) + '.ko')
            cpio.file('modules/' + names[-1],
                      unpacked(os.path.join(folder, path)), 0o644)
    lines = {'modules': ''.join(n + '\n' for n in names), **files}
    for name, text in lines.items():
        cpio.file(f'boot/{name}', text.encode(), 0o644)
    return cpio.close()

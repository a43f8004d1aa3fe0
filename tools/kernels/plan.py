# SPDX-License-Identifier: GPL-2.0-only
"""What is booted, and what runs in each guest.

A boot is a kernel of kernels.tsv, plain or as a variant of variants.tsv. A
task is one test program in it, for one object or for none. Knows nothing of how
a guest is run.
"""
import glob
import os

import archive
import image

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get('WD_BUILD',
                                       os.path.join(TOP, 'build')))
# The objects that the programs' suites can be run against, best first, and the
# rung that each is made for.
RUNGS = {'wd_pod': 'full', 'wd_compat': 'compat', 'wd_minimal': 'minimal'}
BEST = next(iter(RUNGS))
# The same of the wires, whose suite is one of its own.
WIRE_OBJECTS = ('wd_wire', 'wd_wiremin')

# Random cases of the oracle in a guest: (model, programs). The model does not
# depend on the kernel, so it only has to prove that it runs there.
CASES_QUICK = (500, 1500)
CASES = (3000, 15000)
CASES_LONG = (20000, 200000)
PACKETS_QUICK = 6000  # of the packet fuzzer
PACKETS = 20000
RULED_QUICK = 400  # real ones through the ruleset
RULED = 2000

# A program takes seconds to begin where loading is emulated, so a quick run has
# those only whose answers rest on the kernel's helpers, clock or buffers, and
# of the object only that the agent ends on there.
OF_QUICK = ('test_policy', 'test_events', 'test_metadata')
# What tells enough of another way to run the same instructions: of a variant,
# and of the objects below the best, which are built from one source with it.
OF_VARIANT = ('test_policy', 'test_network', 'test_fragments', 'test_icmp',
              'test_tcp')
OF_WIRES_QUICK = ('test_encrypted', 'test_wireguard')
# How nodes are joined, of selftests/wire/link.h: the first one in whole.
WAYS = ('native', 'native6', 'vxlan', 'geneve6')
WAYS_LONG = WAYS + ('vxlan6', 'geneve')
# Each of these takes minutes where all is emulated, and has a limit of its own.
WIRE_PARTS = ('agents', 'wires')
OF_LOWER = OF_VARIANT + ('test_flows', 'test_provenance', 'test_neighbour')


class Variant:
    """One line of variants.tsv."""

    def __init__(self, line):
        field = line.split('\t')
        if len(field) != 9 or not field[0] or field[0] == '-':
            raise ValueError(line)
        self.id = field[0]
        self.kernels = field[1].split()
        self.quick = field[2].replace('-', '', 1)
        self.append = '' if field[3] == '-' else field[3]
        self.without = () if field[4] == '-' else tuple(field[4].split())
        self.setup = [] if field[5] == '-' else field[5].split(';')
        self.lacks = [] if field[6] == '-' else field[6].split()
        self.rung = field[7]
        self.what = field[8]


def read_variants(path):
    with open(path, encoding='utf-8') as f:
        return [Variant(line.rstrip('\n')) for line in f
                if line.strip() and not line.startswith('#')]


class Boot:
    """A kernel, and how it is booted; variant None: plainly."""

    def __init__(self, kernel, variant=None):
        self.kernel, self.variant = kernel, variant
        self.id = kernel.id + (f'+{variant.id}' if variant else '')
        self.append = variant.append if variant else ''
        self.without = variant.without if variant else ()
        self.setup = variant.setup if variant else []
        self.lacks = kernel.lacks + (variant.lacks if variant else [])
        self.rung = kernel.rung
        if variant and variant.rung != '=':
            self.rung = variant.rung

    def files(self, tasks):
        """Of boot/ in the guest: {name: text}."""
        return {'lacks': ' '.join(self.lacks) + '\n',
                'setup': ''.join(step + '\n' for step in self.setup),
                'tests': ''.join(task.line() for task in tasks)}


def read_boots(kernels, variants):
    """All boots, each kernel's variants behind it."""
    found = []
    for kernel in archive.read_list(kernels):
        found.append(Boot(kernel))
        found += [Boot(kernel, v) for v in read_variants(variants)
                  if kernel.id in v.kernels]
    return found


def is_quick(boot):
    if boot.variant:
        return boot.variant.quick == boot.kernel.id
    return boot.kernel.quick != '-'


class Task:
    """One program in one guest. @obj: '-' for none in particular."""

    def __init__(self, path, obj='-', args=(), modules=()):
        self.path, self.obj = path, obj
        self.name = os.path.basename(path)
        self.args, self.modules = args, modules
        self.seconds = 0  # of the guest's

    def line(self):
        words = [str(self.seconds), self.name, self.obj, *self.args]
        return ' '.join(words) + '\n'


def objects():
    """Those of RUNGS that this build has."""
    return [name for name in RUNGS
            if os.path.exists(os.path.join(BUILD, f'bpf/{name}.skel.h'))]


def program(name):
    return os.path.join(BUILD, 'selftests', name)


def packet_tasks(obj, names=None, suite='packet'):
    """names: only these; None: all"""
    return [Task(path, obj)
            for path in sorted(glob.glob(program(f'{suite}/test_*')))
            if os.access(path, os.X_OK)
            and (names is None or os.path.basename(path) in names)]


def verdict_tasks(obj, args):
    """All that asks the programs of one object for verdicts."""
    is_long, short = os.environ.get('WD_LONG'), args.quick or obj != BEST
    names = None
    if args.quick:
        names = OF_QUICK
    elif obj != BEST and not is_long:
        names = OF_LOWER
    cases = CASES_LONG if is_long else CASES_QUICK if short else CASES
    packets = PACKETS_QUICK if short and not is_long else PACKETS
    seed = [args.seed] if args.seed else []
    return packet_tasks(obj, names) + [
        Task(program('oracle/test_oracle'), obj,
             ['--model-cases', str(cases[0]), '--cases', str(cases[1])]
             + (['--seed'] + seed if seed else [])),
        Task(program('pktfuzz/test_pktfuzz'), obj, [str(packets)] + seed)]


def wire_tasks(quick):
    """What asks the programs of the wires for verdicts."""
    objs = WIRE_OBJECTS[:1] if quick else WIRE_OBJECTS
    names = OF_WIRES_QUICK if quick else None
    return [task for obj in objs
            for task in packet_tasks(obj, names, 'wire-packets')
            if task.name != 'test_device']  # guests have no tun device


def loading_task(quick):
    """Of every object, and attaching."""
    return Task(program('kernels/kernel_guest'), '-',
                ['--attach-best'] if quick else [],
                image.LATE_MODULES[:2])


def agent_task(boot, quick):
    """The real agent with real traffic; when quick, programs are swapped by
    way of filters only: links are swapped on this machine by other suites."""
    short = quick and not (boot.kernel.quick == 'more'
                           and 'tcx' in boot.kernel.lacks)
    return Task(program('kernels/agent_guest'), '-',
                ['/tests/warder'] + (['full', 'short'] if short else []),
                image.NFT_MODULES if boot.rung not in ('full', 'compat')
                else ())


def nft_task(args, quick):
    """The ruleset against the oracle."""
    return Task(program('nft/test_nft_oracle'), 'ruleset',
                ['--packets', str(RULED_QUICK if quick else RULED)]
                + (['--seed', args.seed] if args.seed else []),
                image.NFT_MODULES)


def nft_golden_task():
    """The trial of the ruleset, and of wrong ones."""
    return Task(program('nft/test_nft_golden'), '-', [], image.NFT_MODULES)


def late_task():
    """Services, translated by nf_tables."""
    return Task(program('kernels/late_guest'), '-', ['/tests/warder'],
                image.LATE_MODULES)


def wg_task():
    """WireGuard of the kernel, set and read."""
    return Task(program('kernels/wg_guest'), '-', ['/tests/warder'],
                image.WG_MODULES)


def wire_guest_task(name, *words):
    return Task(program('wire/wire_guest'), name, ['/tests/warder', *words],
                image.WG_MODULES + image.WIRE_MODULES + image.NFT_MODULES)


def wire_guest_tasks(boot):
    """Two nodes with WireGuard between them, and a sniffer; one for each way in
    which they are joined. Takes minutes, each."""
    found = [wire_guest_task(f'{WAYS[0]}-{part}', WAYS[0], part)
             for part in WIRE_PARTS]
    if os.environ.get('WD_LONG'):
        found += [wire_guest_task(f'{way}-{part}', way, part)
                  for way in WAYS_LONG[1:] for part in WIRE_PARTS]
        found.append(wire_guest_task('flood', WAYS[0], 'flood'))
    elif boot.kernel.quick != '-':
        found += [wire_guest_task(way, way, 'short') for way in WAYS[1:]]
    return found


def bench_task():
    """Throughput through WireGuard: for who asks for it."""
    return Task(program('wire/wire_bench'), '-', ['/tests/warder'],
                image.WG_MODULES + image.WIRE_MODULES + image.NFT_MODULES)


def tasks_of(boot, args):
    """What one guest runs. The first program is never left out."""
    found = [loading_task(args.quick),
             agent_task(boot, args.quick)]
    if 'load' in boot.lacks:
        pass
    elif boot.variant:
        for obj in objects():
            found += packet_tasks(obj, OF_VARIANT)
    elif not args.quick or boot.kernel.quick == 'more':
        for obj in objects():
            if not args.quick or RUNGS[obj] == boot.rung:
                found += verdict_tasks(obj, args)
        found += wire_tasks(args.quick)
        if boot.kernel.modules != 'none':
            found += [nft_task(args, args.quick), nft_golden_task(),
                      late_task(), wg_task()]
            if not args.quick:
                found += wire_guest_tasks(boot)
            if 'wire_bench' in (args.only or ()):
                found.append(bench_task())
    if args.only:
        found = found[:1] + [t for t in found[1:] if t.name in args.only]
    for task in found:
        task.seconds = max(1, int(args.timeout / 3))
    return found


def files_of_guest(tasks):
    """Programs of the userspace archive: {path in the guest: path here}."""
    return {'tests/warder': os.path.join(BUILD, 'warder'),
            **{f'tests/{task.name}': task.path for task in tasks}}


def modules_of(tasks):
    """Modules that a guest is given, where its kernel has them."""
    wanted = [m for task in tasks for m in task.modules]
    return image.MODULES + tuple(dict.fromkeys(wanted))

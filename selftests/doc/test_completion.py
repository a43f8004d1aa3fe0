#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What `warder completion` prints does in bash what the help says: every command,
verb and option is offered, and nothing else. zsh's script is held to the same
words; where zsh is, it must also parse it. Needs no root and no agent.

    test_completion.py BUILD
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

ASK = '''
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_warder
printf '%s\\n' "${COMPREPLY[@]}"
'''


class Shells:
    def __init__(self, build, folder):
        self.warder = os.path.join(os.path.abspath(build), 'warder')
        self.script = {}
        for shell in ('bash', 'zsh'):
            self.script[shell] = os.path.join(folder, shell)
            with open(self.script[shell], 'w', encoding='utf-8') as f:
                f.write(self.run(self.warder, 'completion', shell))
        self.commands = json.loads(
            self.run(self.warder, 'help', '--json'))['commands']

    @staticmethod
    def run(*words, cwd=None):
        return subprocess.run(words, text=True, timeout=60, check=True,
                              capture_output=True, cwd=cwd).stdout

    def offered(self, *words, cwd=None):
        """What bash offers for the last of the words."""
        return set(self.run('bash', '-c', ASK, 'ask', self.script['bash'],
                            'warder', *words, cwd=cwd).split())

    def text(self, shell):
        with open(self.script[shell], encoding='utf-8') as f:
            return f.read()


def name_of(command):
    return [w for w in (command['object'], command['verb']) if w]


def differ(what, want, got):
    if want != got:
        yield f'{what}: missing {sorted(want - got)}, ' \
              f'too much {sorted(got - want)}'


# ---- the tests: each yields what is wrong ----

def bash_offers_every_object_and_verb(sh):
    objects = {c['object'] for c in sh.commands}
    yield from differ('warder', objects, sh.offered(''))
    yield from differ('warder help', objects, sh.offered('help', ''))
    for name in objects:
        verbs = {c['verb'] for c in sh.commands
                 if c['object'] == name and c['verb']}
        if verbs:
            yield from differ(name, verbs, sh.offered(name, ''))


def bash_offers_every_option_and_no_other(sh):
    for command in sh.commands:
        name = name_of(command)
        yield from differ(' '.join(name),
                          {'--' + o['name'] for o in command['options']},
                          sh.offered(*name, '--'))


def bash_offers_values_that_are_words(sh):
    reasons = sh.offered('monitor', '--reason', '')
    if not {'DEFAULT', 'SPOOF_IP', 'POLICY_ALLOW'} < reasons:
        yield f'reasons: {reasons}'
    for words, want in (
            (('monitor', '--verdict', ''), {'allow', 'drop', 'audit'}),
            (('monitor', '--verdict', 'a'), {'allow', 'audit'}),
            (('monitor', '--output', ''), {'text', 'json', 'hubble'}),
            (('agent', '--mode', ''), {'enforce', 'audit', 'off'}),
            (('agent', '--max-rung', 'm'), {'minimal'}),
            (('ladder', 'pin', ''), {'full', 'compat', 'minimal', 'nft',
                                     'hold', 'auto'}),
            (('completion', ''), {'bash', 'zsh'}),
            (('pol',), {'policy'}), (('nope', ''), set()),
            (('policy', 'l'), {'list'})):
        yield from differ(' '.join(words), want, sh.offered(*words))


def bash_offers_files_where_files_are_meant(sh):
    with tempfile.TemporaryDirectory(prefix='wd-files-') as folder:
        for name in ('a.yaml', 'b.pcap'):
            with open(os.path.join(folder, name), 'w', encoding='utf-8'):
                pass
        for words in (('policy', 'check'), ('monitor', '--pcap'),
                      ('agent', '--manifests')):
            yield from differ(' '.join(words), {'a.yaml', 'b.pcap'},
                              sh.offered(*words, '', cwd=folder))


def zsh_has_the_same_commands_and_options(sh):
    text = sh.text('zsh')
    for command in sh.commands:
        name = ' '.join(name_of(command))
        part = text.split(f"\t('{name}')\n", 1)
        if len(part) != 2:
            yield f'{name}: not there'
            continue
        part = part[1].split(';;\n')[0]
        got = {line.split('--')[1].split('[')[0].split('=')[0]
               for line in part.split('\n') if "'*--" in line}
        yield from differ(name, {o['name'] for o in command['options']}, got)


def shells_parse_their_scripts(sh):
    for shell in ('bash', os.environ.get('WD_ZSH') or 'zsh'):
        if shutil.which(shell):
            done = subprocess.run(
                [shell, '-n', sh.script['bash' if shell == 'bash' else 'zsh']],
                text=True, capture_output=True, check=False)
            if done.returncode or done.stderr:
                yield done.stderr


TESTS = (
    bash_offers_every_object_and_verb,
    bash_offers_every_option_and_no_other,
    bash_offers_values_that_are_words,
    bash_offers_files_where_files_are_meant,
    zsh_has_the_same_commands_and_options,
    shells_parse_their_scripts,
)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: test_completion.py BUILD')
    failed = 0
    print(f'TAP version 13\n1..{len(TESTS)}')
    with tempfile.TemporaryDirectory(prefix='wd-complete-') as folder:
        sh = Shells(sys.argv[1], folder)
        for number, test in enumerate(TESTS, 1):
            wrong = list(test(sh))
            failed += bool(wrong)
            for line in wrong:
                print('# ' + line.replace('\n', ' '))
            print(f'{"not ok" if wrong else "ok"} {number} - '
                  f'{test.__name__}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

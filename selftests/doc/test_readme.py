#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds the README to itself and to the tree: what it links to is there, and
the files and folders of the tree that it names, too. Needs no build.

    test_readme.py
"""
import os
import re
import sys

from named import TOP

sys.path.insert(0, os.path.join(TOP, 'selftests', 'net'))
from wdnet.tap import Fail, Tap  # noqa: E402

LINK = re.compile(r'\]\(#([^)]*)\)')
NAMED = re.compile(r'`((?:bpf|user|include|selftests|tools)/[\w./-]*\w/?)`')


def text():
    with open(os.path.join(TOP, 'README'), encoding='utf-8') as f:
        return f.read()


def anchor(heading):
    """As sites that show such files make it."""
    return re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-')


def anchors(readme):
    """Of headings; a # in an example stands behind spaces."""
    return {anchor(h) for h in re.findall(r'^#+ (.*)$', readme, re.M)}


def links_lead_somewhere(readme):
    gone = sorted(set(LINK.findall(readme)) - anchors(readme))
    if gone:
        raise Fail('no such heading: ' + ', '.join(gone))


def each_section_is_linked_to(readme):
    """The table at the top leads to all of it."""
    parts = {anchor(h) for h in re.findall(r'^## (.*)$', readme, re.M)}
    lost = sorted(parts - set(LINK.findall(readme)))
    if lost:
        raise Fail('no link leads to: ' + ', '.join(lost))


def named_files_are_there(readme):
    gone = sorted({path for path in NAMED.findall(readme)
                   if not os.path.exists(os.path.join(TOP, path))})
    if gone:
        raise Fail('not in the tree: ' + ', '.join(gone))


def main():
    tap, readme = Tap(), text()
    for test in (links_lead_somewhere, each_section_is_linked_to,
                 named_files_are_there):
        tap.run(test.__name__, test, readme)
    return tap.end()


if __name__ == '__main__':
    sys.exit(main())

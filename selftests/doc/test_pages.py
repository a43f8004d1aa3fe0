#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The pages have colours by what they mean, one set for all of them, on white and
on a dark screen; what is to be read stands out from what it is on.

    test_pages.py
"""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
SET = 'user/base/page.h'
PAGES = ('user/cmd/summary_html.c', 'user/cmd/encryption_html.c',
         'user/preflight/html.c', 'tools/kernels/page.py')
TEXT = ('fg', 'dim', 'good', 'bad', 'open')
ON = {'bg': TEXT, 'card': TEXT, 'yes': ('fg',), 'no': ('fg', 'bad'),
      'both': ('fg', 'bad')}
LEAST = 4.5  # WCAG 2.2, 1.4.3
LEAST_SIGN = 3  # 1.4.11: what is no text


def read(name):
    with open(os.path.join(TOP, name), encoding='utf-8') as f:
        return f.read()


def colours(text):
    """Light and dark, by name."""
    found = [(m[1], m[2]) for m in
             re.finditer(r'--(\w+):\s*#([0-9a-f]{6}|[0-9a-f]{3})\b', text)]
    twice = [i for i, (name, _) in enumerate(found) if name == found[0][0]]
    return dict(found[:twice[1]]), dict(found[twice[1]:])


def light_of(colour):
    if len(colour) == 3:
        colour = ''.join(c * 2 for c in colour)
    part = [int(colour[i:i + 2], 16) / 255 for i in (0, 2, 4)]
    part = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in part]
    return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]


def contrast(one, other):
    most, least = sorted((light_of(one), light_of(other)), reverse=True)
    return (most + 0.05) / (least + 0.05)


def text_stands_out():
    for where, by_name in zip(('light', 'dark'), colours(read(SET))):
        for on, texts in ON.items():
            for text in texts:
                got = contrast(by_name[text], by_name[on])
                if got < LEAST:
                    yield f'{where}: {text} on {on}: {got:.2f}'
        got = contrast(by_name['bar'], by_name['bg'])
        if got < LEAST_SIGN:
            yield f'{where}: bar: {got:.2f}'


def both_have_all_colours():
    light, dark = colours(read(SET))
    if set(light) != set(dark):
        yield f'{set(light) ^ set(dark)}'
    for where, ours, theirs in zip(('light', 'dark'), (light, dark),
                                   colours(read(PAGES[-1]))):
        for name, colour in theirs.items():
            if ours.get(name) != colour:
                yield f'{where}: {name}: {colour}, not {ours.get(name)}'


def each_colour_is_on_a_page():
    used = {name for page in PAGES
            for name in re.findall(r'var\(--(\w+)\)(?=[;,} )"])', read(page))}
    unused = set(colours(read(SET))[0]) - used
    if unused:
        yield f'nobody uses {sorted(unused)}'


def pages_take_their_colours_from_it():
    for page in PAGES:
        text = read(page)
        style = text[text.index('style[] =' if page.endswith('.c') else
                                '* { box-sizing'):]
        style = style[:style.index('";\n' if page.endswith('.c') else '"""')]
        if page.endswith('.c') and 'WD_PAGE_COLOURS' not in style:
            yield f'{page}: has colours of its own'
        for colour in re.findall(r'#[0-9a-f]{3,6}\b', style):
            yield f'{page}: {colour}'
        for name in re.findall(r'var\(--(\w+)\)', text):
            if name not in colours(read(SET))[0]:
                yield f'{page}: --{name} is none'


def main():
    tests = (text_stands_out, both_have_all_colours,
             each_colour_is_on_a_page,
             pages_take_their_colours_from_it)
    failed = 0
    print(f'TAP version 13\n1..{len(tests)}')
    for number, test in enumerate(tests, 1):
        bad = list(test())
        for line in bad:
            print('# ' + line)
        failed += bool(bad)
        print(f'{"not ok" if bad else "ok"} {number} - {test.__name__}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())

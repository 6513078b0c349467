# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML documents that show for which values a comment holds: ` on` holds for those that are `x`, not for those that are `o`.

sops 3.13.3 says so: tests/interop/test_interop_selectors.py.
"""

from __future__ import annotations

ACTIVE = {
    "the next item only": "# on\na: x\nb: o\n",
    "all below the next item": "# on\na: {b: x, c: [x]}\nd: o\n",
    "every comment of a block": "# other\n# on\n# more\na: x\nb: o\n",
    "the foot of one item is the head of the next": "a: o\n# on\n\nb: x\nc: o\n",
    "the last comment holds for nothing": "a: o\n# on\n",
    "a comment below holds below": "a:\n  # on\n  b: x\n  c: o\nd: o\n",
    "a comment at the end of a block ends with it": "a:\n  b: o\n  # on\nc: o\n",
    "behind a value": "a: x # on\nb: o\n",
    "behind a quoted value": 'a: "x\n  y" # on\nb: o\n',
    "behind the header of a block": "a: | # on\n  x\nb: o\n",
    "behind a null": "a: # on\nb: o\n",
    "a null takes the comment with it": "# on\na:\nb: o\n",
    "an empty text takes the comment with it": "# on\na: ''\nb: o\n",
    "behind a key with a mapping": "a: # on\n  b: x\n  c: x\nd: o\n",
    "behind a key with a list": "a: # on\n  - x\n  - x\nd: o\n",
    "behind an item": "a:\n- x # on\n- o\n",
    "before an item": "a:\n- o\n# on\n- x\n- o\n",
    "behind a dash": "a:\n- # on\n  b: x\n  c: o\n- d: o\n",
    "before a dash": "a:\n# on\n- b: x\n  c: x\n- d: o\n",
    "behind an empty mapping": "a: {} # on\nb: o\n",
    "behind a flow mapping": "a: {b: x, c: o} # on\nd: o\n",
    "behind a flow list": "a: [x, o] # on\nd: o\n",
    "behind a comma of a flow list": "a: [x, # on\n  o, o]\nd: o\n",
    "a line in a flow list": "a: [\n  # on\n  x, o]\nd: o\n",
    "lost for sops at an opening bracket": "a: [ # on\n  o, o]\nb: { # on\n c: o}\n",
    "at the start of a document": "# on\n---\na: x\nb: o\n",
    "behind a document marker": "--- # on\na: x\nb: o\n",
    "not in the next document": "a: o\n# on\n---\nb: o\n",
    "an alias is an item": "a: &a {b: o}\n# on\nc: *a\nd: o\n",
    "comments of an anchor hold for its copy": "a: &a\n  # on\n  b: x\nc: *a\nd: o\n",
}

# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML documents and the order in which sops visits them: containers as brackets, values and comments as their texts.

sops 3.13.3 says so: tests/interop/test_interop_visits.py.
"""

from __future__ import annotations

VISITS = {
    "above a key": (
        "# one\na: 1\n",
        "( # one 1 )",
    ),
    "behind a value": (
        "a: 1 # one\nb: 2\n",
        "( # one 1 2 )",
    ),
    "behind a key with a mapping": (
        "a: # one\n  b: 1\n",
        "( # one ( 1 ) )",
    ),
    "behind a key with a list": (
        "a: # one\n  - 1\n",
        "( # one ( 1 ) )",
    ),
    "behind a key with a list in its column": (
        "a: # one\n- 1\n",
        "( # one ( 1 ) )",
    ),
    "behind a dash": (
        "a:\n- # one\n  b: 1\n",
        "( ( ( # one 1 ) ) )",
    ),
    "above a dash with a mapping": (
        "a:\n# one\n- b: 1\n  c: 2\n",
        "( ( # one ( 1 2 ) ) )",
    ),
    "below a value, with a blank line below": (
        "a: 1\n# one\n\nb: 2\n",
        "( 1 # one 2 )",
    ),
    "below a mapping, in its column": (
        "a:\n  b: 1\n  # one\nc: 2\n",
        "( ( 1 # one ) 2 )",
    ),
    "below a mapping, left of it": (
        "a:\n  b: 1\n# one\nc: 2\n",
        "( ( 1 ) # one 2 )",
    ),
    "between mappings of several depths": (
        "a:\n  b:\n    c: 1\n    # one\n  # two\n# three\nd: 2\n",
        "( ( ( 1 # one ) # two ) # three 2 )",
    ),
    "below a mapping in a list, with a blank line below": (
        "a:\n  - b: 1\n  # one\n\n  - 2\n",
        "( ( ( 1 ) 2 # one ) )",
    ),
    "below brackets on lines of their own": (
        "a:\n  - [\n    1\n  ]\n  # one\n\n  - 2\n",
        "( ( ( 1 ) # one 2 ) )",
    ),
    "in brackets, at their start": (
        "a: [ # one\n  # two\n  1, # three\n  2\n  # four\n]\n",
        "( ( # two # three 1 2 # four ) )",
    ),
    "in braces": (
        "a: {\n  # one\n  b: 1, # two\n  c: 2 # three\n  # four\n}\n",
        "( ( # one # two 1 # three 2 # four ) )",
    ),
    "behind brackets": (
        "a: [1] # one\nb: 2\n",
        "( ( # one 1 ) 2 )",
    ),
    "behind the header of a block": (
        "a: | # one\n  text\n# two\nb: 2\n",
        "( # one text\n # two 2 )",
    ),
    "below an anchor on a line of its own": (
        "&a\n# one\n\nb: 1\n",
        "( # one 1 )",
    ),
    "behind an anchor": (
        "a: &a # one\n  b: 1\nc: *a # two\n",
        "( ( # one 1 ) # two ( # one 1 ) )",
    ),
    "behind an explicit key": (
        "? a # one\n# two\n: 1 # three\n",
        "( # one # two # three 1 )",
    ),
    "behind nulls": (
        "a: # one\nb:\n  # two\nc:\n- # three\n-\n# four\n",
        "( # one null null # two ( null null ) # four )",
    ),
    "above a document": (
        "# one\n\n# two\na: 1\n",
        "( # one # two 1 )",
    ),
    "around markers": (
        "# one\n---\n# two\na: 1\n# three\n---\n# four\n\nb: 2\n# five\n",
        "( # one # two 1 # four ) ( 2 # five )",
    ),
    "behind an end marker": (
        "a: 1\n# one\n...\n# two\n---\nb: 2\n",
        "( 1 # one ) ( # two 2 )",
    ),
    "an anchor with comments, repeated": (
        "a: &a\n  # one\n  b: 1 # two\n  # three\nc: *a\n",
        "( ( # one # two 1 # three ) ( # one # two 1 # three ) )",
    ),
    "with line ends of Windows": (
        "a: 1\r\n# one\r\nb: 2\r\n# two\r\n",
        "( 1 # one 2 # two )",
    ),
    "with several breaks": (
        "a: 1\n\n\n# one\n\n\n# two\nb: 2\n",
        "( 1 # one # two 2 )",
    ),
    "a list in a list": (
        "a:\n- - 1\n  # one\n  - 2\n# two\n- 3\n",
        "( ( ( 1 # one 2 ) # two 3 ) )",
    ),
    "without text": (
        "a: 1\n#\nb: 2 #\n",
        "( 1 # # 2 )",
    ),
    "with a directive": (
        "%YAML 1.1 # one\n--- # two\na: 1\n",
        "( # two 1 )",
    ),
    "of documents without content": (
        "--- # one\n---\n# two\na: 1\n--- # three\n...\n# four\n",
        "( # one ) ( # two 1 ) ( # four )",
    ),
    # beside pairs in brackets yaml: line 2: did not find expected node content
    "beside keys without values in braces": (
        "a: {b, # one\n  c: , # two\n  ? d,\n  # three\n  ? e : 1}\n",
        "( ( # one null null # two null # three 1 ) )",
    ),
    "beside explicit keys without values": (
        "? a # one\n# two\n? b\n# three\nc: 1\n",
        "( # one null # two null # three 1 )",
    ),
    "beside tags": (
        "a: !!str # one\n  1\nb: !!map # two\n  c: 2\nd: !!str # three\n",
        "( # three # one 1 ( # two 2 )  )",
    ),
    "with a next line of Unicode": (
        "a: 1\n# one\u0085# two\n\u0085# three\nb: 2\n",
        "( 1 # two # one # three 2 )",
    ),
    "far above": (
        "a: 1\n# one" + "\n" * 600 + "\n# two\nb: 2\n",
        "( 1 # one # two 2 )",
    ),
    "below a long key": (
        "? " + "k" * 1100 + " # one\n# two\n: 1\n",
        "( # one # two 1 )",
    ),
    "above a dash in a dash": (
        "a:\n- - 1\n# one\n- # two\n  - 2\n",
        "( ( ( 1 ) # one ( # two 2 ) ) )",
    ),
    "behind a comma on its own line": (
        "a: [1\n  , # one\n  2]\n",
        "( ( # one 1 2 ) )",
    ),
    "behind a scalar of several lines": (
        "a: one\n  two # one\n# two\n\nb: 'x\n\n  y' # three\n",
        "( # one one two # two # three x\ny )",
    ),
    "behind the last value, without a break": (
        "a: 1 # one",
        "( # one 1 )",
    ),
    "in a document of flow": (
        "{a: 1, # one\n b: [2] # two\n} # three\n# four\n",
        "( # three # one 1 ( # two 2 ) # four )",
    ),
}

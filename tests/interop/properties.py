# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to hold for every document, whatever is in it.

`Checker.check` takes one random document and asks sops' library and the engine the same questions. A difference
raises `Mismatch`; what both or one of them refuses or loses for a known reason is counted in `Checker.counts`.
"""

from __future__ import annotations

import os
import random
import re
import traceback
import typing as t
from collections import Counter
from collections.abc import Callable

import visits
from known_differences import OURS, THEIRS, known
from sops_library import Answer, Content, Library, comments_in, content_of, leaves_in, nodes_of, values_in

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import documents_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.opening import open_file
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_walk import steps
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import NULL, Leaf, Tree
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.random_documents import Document

DATA_KEY = b"the data key of every test file."
PUBLIC = "age1gx7pavyulanqfl4fl7dmh38faw6sl2jl97w0jstl0rry0m0fagws8puy50"
GROUPS = [
    [{"recipient": PUBLIC, "enc": "-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n-----END AGE ENCRYPTED FILE-----\n"}]
]


class Mismatch(AssertionError):  # noqa: N818  (reads as what it says)
    """A property does not hold."""

    def __init__(self, rule: str, detail: object = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail != "" else rule)
        self.rule = rule


class FixedRing(KeyRing):
    """A ring that knows the data key of every file, so that no test waits for age."""

    def data_key(self, *_metadata: t.Any, **_where: t.Any) -> bytes:
        return DATA_KEY


def fixed_key() -> Callable[[int], bytes]:
    """Randomness whose first piece, the data key, is always the same."""
    pieces = iter((DATA_KEY,))

    def randomness(size: int) -> bytes:
        return next(pieces, b"") or os.urandom(size)

    return randomness


class Checker:
    """Checks documents against one running library."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.counts: Counter[str] = Counter()
        self._ring = FixedRing()

    def check(self, case: Document, rng: random.Random) -> None:
        """Raise Mismatch, or count."""
        self.counts["documents"] += 1
        try:
            Case(self, case, rng).check()
        except Mismatch:
            raise
        except FluxseedError as exc:
            raise Mismatch("refused half-way", f"{type(exc).__name__}: {exc.message} {_place(exc)}") from exc
        except Exception as exc:
            raise Mismatch("an error outside the error tree", f"{type(exc).__name__} {_place(exc)}") from exc

    def count(self, what: str) -> None:
        self.counts[what] += 1


def _place(exc: Exception) -> str:
    """The last line of these tests and the last of all."""
    frames = traceback.extract_tb(exc.__traceback__)
    own = [frame for frame in frames if frame.filename == __file__]
    return " ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in (own[-1], frames[-1]))


class Case:
    """One document under test."""

    def __init__(self, checker: Checker, case: Document, rng: random.Random) -> None:
        self.case = case
        self.rng = rng
        self.library = checker.library
        self.count = checker.count
        self.ring = checker._ring
        self.store: Store = store_for("a file", case.store)
        # sops gives binary files no selector, whatever is asked for.
        self.selector = {} if case.store == "binary" else {case.selector[0]: case.selector[1]}
        self.mac_only_encrypted = case.mac_only_encrypted and case.store != "binary"

    def check(self) -> None:
        theirs = self.ask("encrypt", self.case.content)
        try:
            ours = self.encrypt(self.case.content)
        except FluxseedError as exc:
            self.refused_here(exc, theirs)
            return
        if theirs.encrypted is None:
            self.refused_there(theirs, ours)
            return
        self.count("compared")
        tree = self.store.load(self.case.content)
        self.reads_the_same(tree, theirs)
        self.sops_opens_ours(ours, theirs)
        self.we_open_theirs(theirs)
        plain = self.comes_back(ours, tree)
        if self.rng.random() < 0.5:
            self.edit_changes_one_value(ours, plain)
        self.is_written_the_same(theirs)
        if self.rng.random() < 0.2:
            self.damage_is_noticed(ours)

    # --- both sides ---

    def ask(self, operation: str, content: bytes, **more: t.Any) -> Answer:
        return self.library.ask(
            operation,
            store=self.case.store,
            data=content,
            key=DATA_KEY,
            selectors=self.selector,
            mac_only_encrypted=self.mac_only_encrypted,
            groups=GROUPS * self.case.groups,
            threshold=self.case.threshold,
            **more,
        )

    def encrypt(self, content: bytes) -> bytes:
        rule = Rule.of([PUBLIC], **self.selector)
        rule = rule._replace(
            groups=rule.groups * self.case.groups,
            shamir_threshold=self.case.threshold,
            mac_only_encrypted=self.mac_only_encrypted,
        )
        return document.encrypt(content, rule, store=self.store, randomness=fixed_key()).content

    def refused_here(self, exc: FluxseedError, theirs: Answer) -> None:
        if theirs.encrypted is None:
            self.count("refused by both")
            return
        said = f"{type(exc).__name__}: {exc.message}"
        reason = known(OURS, said)
        if reason is None:
            raise Mismatch("refused here, taken by sops", said)
        self.count(f"refused here: {reason}")

    def refused_there(self, theirs: Answer, ours: bytes) -> None:
        reason = known(THEIRS, theirs.error)
        if reason is None:
            raise Mismatch("refused by sops, taken here", theirs.error)
        self.count(f"refused by sops: {reason}")
        self.comes_back(ours, self.store.load(self.case.content))

    # --- the properties ---

    def reads_the_same(self, tree: Tree, theirs: Answer) -> None:
        """A plain file has the same typed content for both."""
        if self.case.store == "yaml":
            self.same_values("plain file read", content_of(documents_of(tree)), theirs.documents)
            self.same_visits("plain file read", visits.ours(tree, steps(tree, as_it_stands=True)), theirs)
        else:
            self.same("plain file read", content_of(documents_of(tree)), theirs.documents)

    def sops_opens_ours(self, ours: bytes, theirs: Answer) -> None:
        """What is encrypted here has the same content and MAC for sops."""
        opened = self.ask("decrypt", ours)
        if opened.error and not opened.documents:
            raise Mismatch("sops does not open ours", opened.error)
        self.same_values("ours read by sops", opened.documents, theirs.documents)
        self.same_opened("ours read by sops", ours, opened)
        if opened.mac != theirs.mac:
            raise Mismatch("another MAC than sops'")
        if opened.warnings:
            self.count("comments that sops does not open")

    def we_open_theirs(self, theirs: Answer) -> None:
        """What sops encrypts has the same content here as for sops itself."""
        content = t.cast("bytes", theirs.encrypted)
        opened = self.ask("decrypt", content)
        try:
            own = open_file(content, self.ring, self.store, None, ignore_mac=False)
        except FluxseedError as exc:
            if opened.documents:
                reason = known(OURS, f"{type(exc).__name__}: {exc.message}")
                if reason is None:
                    raise Mismatch("we do not open theirs", f"{type(exc).__name__}: {exc}") from None
                self.count(f"refused here: {reason}")
            else:
                self.count("sops cannot read what it wrote")
            return
        read = content_of(documents_of(own.tree, own.values, own.comments))
        if not opened.documents:
            if self.mac_only_encrypted and unquoted(read) == unquoted(theirs.documents) and read != theirs.documents:
                # sops writes a text in clear that begins and ends with a quote as it is; no MAC is over it.
                self.count("sops cannot read what it wrote, and loses quotes of a value in clear")
                return
            if [values_in(each) for each in read] != values_of(theirs) and same_without_empty_items(
                read, theirs.documents
            ):
                # sops writes such a comment as an item: "". Reading it, sops takes the item for the end of the reach of a
                # comment that switches encryption on, so a token behind it is not opened and the MAC is another one.
                self.count("sops cannot read what it wrote: an empty comment in a list is an item")
                return
            # The MAC is right, so the content has to be that of the plain file; but sops writes 1.0 in clear as 1.
            self.same("theirs read by us and not by sops", loosely(read), loosely(theirs.documents))
            self.count("sops cannot read what it wrote, we can")
            return
        if self.case.store == "yaml":
            self.same_visits("theirs read by us", visits.ours(own.tree, own.tree.steps(own.tree), own), opened, content)
        else:
            self.same("theirs read by us", read, opened.documents)
        if [values_in(each) for each in opened.documents] != [values_in(each) for each in theirs.documents]:
            self.count("sops loses a value")

    def comes_back(self, ours: bytes, tree: Tree) -> bytes:
        """Decryption gives the file back: every byte outside of values, and every value that can be spelled as it was."""
        plain = document.decrypt(ours, self.ring, store=self.store)
        if plain == self.case.content:
            self.count("the same bytes")
            return plain
        if tree.aliases:
            self.count("values only: aliases")
            return plain
        again = self.store.load(plain)
        if len(tree.leaves) != len(again.leaves):
            raise Mismatch("another number of values after decryption")
        for old, new in zip(tree.leaves, again.leaves, strict=True):
            if (old.type, old.text, old.path) != (new.type, new.text, new.path):
                raise Mismatch("another value after decryption", f"{old.type} {old.text!r} {new.type} {new.text!r}")
            spelled, now = tree.text[old.start : old.end], again.text[new.start : new.end]
            if spelled != now:
                self.count(f"values only: {self.spelling(old, spelled, now)}")
        if outside(tree) == outside(again) or outside(tree, loose=True) == outside(again, loose=True):
            return plain
        if any(branch.empty for branch in tree.branches):
            self.count("values only: a document without any value is written as {}")
        else:
            raise Mismatch("text outside of values changed", f"{outside(tree)!r} {outside(again)!r}")
        return plain

    def spelling(self, leaf: Leaf, spelled: str, now: str) -> str:
        """Why a value is not spelled as it was."""
        reason = "a word that others take for another type" if now == f'"{spelled}"' else None
        reason = reason or unusual(self.case.store, leaf, spelled)
        if reason is None:
            raise Mismatch("a value is spelled in another way after decryption", f"{spelled!r} {now!r}")
        return reason

    def edit_changes_one_value(self, ours: bytes, plain: bytes) -> None:
        """A changed value changes its own span, the MAC and the time; nothing else."""
        before = self.store.load(plain)
        chosen = [
            number for number, leaf in enumerate(before.leaves) if leaf.type != NULL and leaf.text and leaf.begin >= 0
        ]
        empty = any(branch.empty for branch in self.store.load(self.case.content).branches)
        if before.aliases or not chosen or empty:
            return
        number = self.rng.choice(chosen)
        leaf = before.leaves[number]
        changed = plain_text(before, number, replacement(self.case.store, leaf, before.text))
        if changed is None:
            return
        try:
            after = self.store.load(changed)
        except FluxseedError:
            return
        if not only_differs(before, after, number):
            return
        new = document.edit(ours, changed, self.ring, store=self.store).content
        self.count("edited")
        was, now = self.store.load(ours), self.store.load(new)
        # Decryption may have added the last break of the file.
        if masked(was, number).rstrip("\r\n") != masked(now, number).rstrip("\r\n"):
            raise Mismatch(
                "an edit changes more than its value", first_change(masked(was, number), masked(now, number))
            )
        if document.decrypt(new, self.ring, store=self.store) != changed:
            self.count("edited: spelled in another way")
        opened = self.ask("decrypt", new)
        if not opened.documents:
            raise Mismatch("sops does not open an edited file", opened.error)
        self.same_opened("an edited file read by sops", new, opened)
        self.same_values("an edited file read by sops", content_of(documents_of(after)), opened.documents)

    def is_written_the_same(self, theirs: Answer) -> None:
        """A file written from its content, plain or encrypted, is the one that sops writes."""
        made = self.emitted(nodes_of(theirs.documents))
        if theirs.plain is not None and made is not None:
            self.same_bytes("plain file written", made, theirs.plain, theirs.documents)
        again = self.ask("reformat", t.cast("bytes", theirs.encrypted))
        if again.encrypted is None:
            return
        try:
            metadata = self.store.metadata(self.store.load(again.encrypted))
        except FluxseedError:
            if self.ask("decrypt", again.encrypted).documents:
                raise
            # Such as a key of a tab and a break, which sops writes as null.
            self.count("sops cannot read what it wrote, and we refuse it")
            return
        made = self.emitted(nodes_of(again.documents), metadata)
        if made is not None:
            self.same_bytes("encrypted file written", made, again.encrypted, again.documents)

    def emitted(self, *arguments: t.Any) -> bytes | None:
        try:
            return self.store.emit(*arguments)
        except FluxseedError as exc:
            reason = known(OURS, f"{type(exc).__name__}: {exc.message}")
            if reason is None:
                raise Mismatch("not written here", f"{type(exc).__name__}: {exc.message}") from None
            self.count(f"not written here: {reason}")
            return None

    def damage_is_noticed(self, ours: bytes) -> None:
        """Random damage gives an error of ours or the same content that sops reads."""
        broken = damaged(ours, self.rng)
        opened = self.ask("decrypt", broken)
        try:
            open_file(broken, self.ring, self.store, None, ignore_mac=False)
        except FluxseedError:
            self.count("damage: only sops takes it" if opened.documents else "damage: refused by both")
            return
        self.count("damage: taken by both" if opened.documents else "damage: only we take it")
        if opened.documents:
            self.same_opened("damaged file", broken, opened)

    # --- comparing ---

    def same_visits(self, what: str, ours: list[visits.Stop], theirs: Answer, content: bytes = b"") -> None:
        """The same containers, keys, values and comments in the same order."""
        stops = visits.theirs(theirs.documents)
        differs, reasons = visits.difference(ours, stops)
        if differs and content:
            kept = visits.without_moved(stops, content)
            if kept != stops:
                differs, reasons = visits.difference(ours, kept)
                reasons.add("a comment that sops moved behind its own key")
        if differs:
            raise Mismatch(f"{what}: another order or content", differs)
        for reason in reasons:
            self.count(f"{what}: {reason}")

    def same_opened(self, what: str, content: bytes, theirs: Answer) -> None:
        """An encrypted file of ours is read by sops as it is here."""
        own = open_file(content, self.ring, self.store, None, ignore_mac=False)
        if self.case.store == "yaml":
            self.same_visits(what, visits.ours(own.tree, own.tree.steps(own.tree), own), theirs)
        else:
            self.same(what, content_of(documents_of(own.tree, own.values, own.comments)), theirs.documents)

    def same_values(self, what: str, ours: Content, theirs: Content) -> None:
        our_values, their_values = [values_in(each) for each in ours], [values_in(each) for each in theirs]
        if our_values != their_values:
            raise Mismatch(f"{what}: other values", first_difference(our_values, their_values))

    def same(self, what: str, ours: Content, theirs: Content) -> None:
        if ours == theirs:
            return
        self.same_values(what, ours, theirs)
        our_comments = [text for each in ours for text in comments_in(each)]
        their_comments = [text for each in theirs for text in comments_in(each)]
        self.count(f"{what}: {comment_difference(our_comments, their_comments)}")

    def same_bytes(self, what: str, ours: bytes, theirs: bytes, documents: Content) -> None:
        if ours == theirs:
            self.count(f"{what}: same bytes")
            return
        operation = "load" if what.startswith("plain") else "reformat"
        shown = f"\nours:\n{ours.decode(errors='replace')}\ntheirs:\n{theirs.decode(errors='replace')}"
        # sops writes a whole float in clear without its point, and so does `emit`: 1.0 is read back as the integer 1.
        wanted = loosely([values_in(each) for each in documents])
        if loosely(values_of(self.ask(operation, ours))) != wanted:
            if loosely(values_of(self.ask(operation, theirs))) == wanted:
                raise Mismatch(f"{what}: sops reads another content", shown)
            self.count(f"{what}: neither can be read")
            return
        if loosely(values_of(self.ask(operation, theirs))) != wanted:
            self.count(f"{what}: sops writes what it cannot read, we do not")
            return
        reason = written_otherwise(self.case.store, documents, ours, theirs)
        if reason is None:
            raise Mismatch(f"{what}: other bytes", shown)
        self.count(f"{what}: {reason}")


_OTHER_STYLE = re.compile(r"[\u2028\u2029]|<<\Z|[ \n\t].*\n|\n", re.DOTALL)
"""Texts that get double quotes here: breaks for old readers only, a merge key, a start that needs a number behind `|`."""


def written_otherwise(store: str, documents: Content, ours: bytes, theirs: bytes) -> str | None:
    """Why a file is written in other bytes than sops does; the content is the same."""
    if any(leaf == ["float", "-0"] for each in documents for leaf in leaves_in(each)):
        return "a negative zero, which sops writes as an integer"
    if store != "yaml":
        return None
    if any(_OTHER_STYLE.match(text) or re.search("[\u2028\u2029]", text) for text in texts_in(documents)):
        return "a text in double quotes on purpose"
    bare = [sorted(re.sub(rb"#[^\n]*|\s", b"", content)) for content in (ours, theirs)]
    return "a comment is in another place" if bare[0] == bare[1] else None


def loosely(content: Content) -> Content:
    """Content in which a whole float is an integer, as it is once it was written."""
    if content[:1] == ["float"] and re.fullmatch("-?[0-9]+", str(content[1])):
        return ["int", "0" if content[1] == "-0" else content[1]]
    return [loosely(each) if isinstance(each, list) else each for each in content]


def texts_in(content: Content) -> t.Iterator[str]:
    """All texts: keys, values, comments."""
    for item in content:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from texts_in(item)


def without_empty_items(content: Content) -> Content:
    """Values without comments, and in lists without empty strings and tokens of comments."""
    kind = content[0] if content else ""
    if kind == "m":
        return ["m", *(["k", item[1], without_empty_items(item[2])] for item in content[1:] if item[0] != "#")]
    if kind == "s":
        return ["s", *(without_empty_items(item) for item in content[1:] if not is_comment_item(item))]
    return content if isinstance(kind, str) else [without_empty_items(each) for each in content]


def is_comment_item(item: Content) -> bool:
    return item[0] == "#" or item == ["str", ""] or (item[0] == "str" and str(item[1]).endswith(",type:comment]"))


def same_without_empty_items(one: Content, other: Content) -> bool:
    return loosely(without_empty_items(one)) == loosely(without_empty_items(other))


def unquoted(content: Content) -> Content:
    """Values without quotes around them, and without comments."""
    if content[:1] == ["str"]:
        return ["str", re.sub(r"\A(['\"])(.*)\1\Z", r"\2", str(content[1]), flags=re.DOTALL)]
    items = [item for item in content if not (isinstance(item, list) and item[:1] == ["#"])]
    return [unquoted(item) if isinstance(item, list) else item for item in items]


def comment_difference(ours: list[str], theirs: list[str]) -> str:
    """In what the comments differ; sops attaches, copies and drops some in ways that depend on its YAML library."""
    missing, surplus = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    tests = (
        ("a comment is inline for one, or in another container", ours == theirs),
        ("a comment is in another place", not missing and not surplus),
        ("a comment that sops does not see", not missing),
        ("an empty comment in a list is # for sops", sorted(text or "#" for text in ours) == sorted(theirs)),
        ("a comment that sops has twice", not surplus and set(missing) <= set(ours)),
        ("a comment that sops does not open", all(text.startswith("ENC[AES256_GCM") for text in missing)),
        ("a comment that we do not open", all(text.startswith("ENC[AES256_GCM") for text in surplus)),
    )
    return next((what for what, holds in tests if holds), "a comment that we do not see")


def first_change(old: str, new: str) -> str:
    """Both texts around the first place where they differ."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - 20)
    return f"{old[start : start + 100]!r} {new[start : start + 100]!r}"


def values_of(answer: Answer) -> Content:
    return [values_in(each) for each in answer.documents]


def first_difference(ours: Content, theirs: Content) -> str:
    """The first value that differs, both sides."""
    pairs = zip(
        (leaf for each in ours for leaf in leaves_in(each)),
        (leaf for each in theirs for leaf in leaves_in(each)),
        strict=False,
    )
    for left, right in pairs:
        if left != right:
            return f"ours {left!r}, sops' {right!r}"
    return f"ours {ours!r}, sops' {theirs!r}"


# --- text -----------------------------------------------------------------------------------------


def own_leaves(tree: Tree) -> list[Leaf]:
    """Leaves that stand in the text, copies of aliases left out."""
    return [leaf for leaf in tree.leaves if leaf.begin >= 0]


def outside(tree: Tree, *, loose: bool = False) -> list[str]:
    """The text between the values; `loose` without blanks and breaks.

    A block scalar includes its break and the comment behind its header, other scalars do not.
    """
    parts, done = [tree.prefix], 0
    for leaf in own_leaves(tree):
        # A tag may go: it would give the token a type.
        parts.append(tree.text[done : min(leaf.start, leaf.begin)])
        done = leaf.end
        if loose and leaf.style in ("|", ">"):
            header = re.match(r"[|>][-+0-9]*(.*)", tree.text[leaf.start : leaf.end])
            parts.append(header[1] if header else "")
    parts.append(tree.text[done:])
    return ["".join("".join(parts).split())] if loose else parts


def masked(tree: Tree, number: int) -> str:
    """The text without one value, the MAC and the time."""
    leaf = tree.leaves[number]
    # A block scalar ends behind its breaks.
    end = leaf.end
    if leaf.style in ("|", ">"):
        end = leaf.start + len(tree.text[leaf.start : leaf.end].rstrip("\r\n"))
    text = tree.text[: leaf.start] + "<value>" + tree.text[end:]
    text = re.sub(r"ENC\[AES256_GCM,data:[^,\]]{170,174},iv:[^\]]*type:str\]", "<mac>", text)
    return tree.prefix + re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)


def plain_text(tree: Tree, number: int, new: str | None) -> bytes | None:
    """The file with another text for one value."""
    if new is None:
        return None
    leaf = tree.leaves[number]
    text = tree.prefix + tree.text[: leaf.start] + new + tree.text[leaf.end :]
    return text.encode("utf-8", "surrogateescape")


def only_differs(before: Tree, after: Tree, number: int) -> bool:
    """Whether two trees differ in one value alone."""
    if len(before.leaves) != len(after.leaves) or outside(before) != outside(after):
        return False
    pairs = zip(before.leaves, after.leaves, strict=True)
    return (
        all(
            (old.type, old.text, old.path) == (new.type, new.text, new.path)
            for index, (old, new) in enumerate(pairs)
            if index != number
        )
        and after.leaves[number].text != before.leaves[number].text
    )


def replacement(store: str, leaf: Leaf, text: str) -> str | None:
    """Another value, written in the way of the old one; None where that is not simple."""
    spelled = text[leaf.start : leaf.end]
    if store == "binary":
        return "changed"
    if store == "ini":
        # Other quotes make something else of a comment behind them.
        new = "changed\n" if "\n" in spelled else "changed"
        return None if leaf.style == "\\" else f"{leaf.style}{new}{leaf.style}"
    if store == "json" or (store == "yaml" and leaf.style == '"'):
        return '"changed \\u00e4"'
    if store == "yaml" and leaf.style in ("|", ">"):
        return None
    if spelled[:1] == "'" and spelled[-1:] == "'" and len(spelled) > 1:
        return "'changed'"
    return "changed"


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file after an accident: a byte, a piece or a line lost, doubled or replaced."""
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.choice((1, 1, 1, 5, 50, 500)))
    kind = rng.random()
    if kind < 0.25:
        return content[:start] + content[end:]
    if kind < 0.5:
        return (
            content[:start]
            + rng.choice((b"x", b"\x00", b"\xff", b":", b"#", b"\n", b"'", b'"', b" ", b"-", b"]", b"}"))
            + content[start + 1 :]
        )
    if kind < 0.6:
        return content[:start]
    lines = content.splitlines(keepends=True)
    line = rng.randrange(len(lines))
    if kind < 0.75:
        del lines[line]
    elif kind < 0.9:
        lines.insert(line, lines[line])
    else:
        lines.insert(line, lines.pop(rng.randrange(len(lines))))
    return b"".join(lines)


# --- what cannot come back ------------------------------------------------------------------------


def unusual(store: str, leaf: Leaf, spelled: str) -> str | None:
    """Why the spelling of a value is not kept by encryption; None if it should be."""
    if store == "yaml":
        return next((reason for reason, test in _UNUSUAL if test(leaf, spelled)), None)
    if store == "json":
        return "an escape or a spelling of a number" if "\\" in spelled or leaf.type in ("float", "int") else None
    if store == "ini":
        return "a continued line" if "\\" in spelled else None
    return None


_UNUSUAL: tuple[tuple[str, Callable[[Leaf, str], bool]], ...] = (
    ("a tag or an anchor", lambda leaf, _spelled: leaf.begin != leaf.start),
    ("folded text", lambda leaf, _spelled: leaf.style == ">"),
    ("literal text with blanks, breaks or odd characters", lambda leaf, _spelled: leaf.style == "|"),
    ("a break within a value", lambda _leaf, spelled: re.search("[\r\n\x85\u2028\u2029]", spelled) is not None),
    ("a spelling of an integer", lambda leaf, spelled: leaf.type == "int" and spelled != leaf.text),
    ("a spelling of a float, bool or time", lambda leaf, _spelled: leaf.type in ("float", "bool", "time")),
    ("an escape", lambda leaf, _spelled: leaf.style == '"'),
    ("quotes in flow", lambda leaf, _spelled: leaf.box.flow),
    ("quotes around odd characters", lambda leaf, spelled: leaf.style == "'" and not spelled.isprintable()),
)
"""What a token has no place for, in the order of testing."""

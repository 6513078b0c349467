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
import traceback
import typing as t
from collections import Counter
from collections.abc import Callable

import visits
from contents import (
    comment_difference,
    first_change,
    first_difference,
    loosely,
    same_without_empty_items,
    unquoted,
    values_of,
    written_otherwise,
)
from known_differences import OURS, THEIRS, known
from sops_library import Answer, Content, Library, comments_in, content_of, nodes_of, values_in
from spellings import damaged, masked, only_differs, outside, plain_text, replacement, unusual

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

"""Registries: what people may add to (strategies, selectors, families ...), by name.

An entry registers itself where it is defined, in the package or in somebody's own file
(``extensions.py``); every table, colour, picker and test reads its list from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from ttc_explorer.problems.problem import BadInput

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry]):
    """The entries of one ``kind``, by name, in the order in which people see them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self._origins: dict[str, str] = {}

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def register(self, name: str, entry: Entry, origin: str) -> None:
        """Add an entry.

        Args:
            name: what people type and tables store; an identifier.
            entry: the entry.
            origin: the module that registers it. The same module may do so again (a notebook's cell
                that is run twice), another one may not take its name.

        Raises:
            BadInput: the name is no identifier, or taken.
        """
        if not name.isidentifier():
            raise BadInput(
                f"'{name}' cannot name a {self.kind}: use letters, digits and underscores."
            )
        if self._origins.get(name, origin) != origin:
            raise BadInput(
                f"The {self.kind} '{name}' is registered by {self._origins[name]} already: choose "
                "another name."
            )
        self._entries[name], self._origins[name] = entry, origin

    def find(self, name: str) -> Entry:
        """The entry of that name, which may come from outside.

        Raises:
            BadInput: there is none; the message lists those there are.
        """
        if name not in self._entries:
            raise BadInput(
                f"Unknown {self.kind} '{str(name)[:40]}': choose from {', '.join(self._entries)}."
            )
        return self._entries[name]

    def put_first(self, names: Iterable[str]) -> None:
        """Show these first, in this order; all others follow as they were registered."""
        order = dict.fromkeys([*names, *self._entries])
        self._entries = {name: self._entries[name] for name in order}

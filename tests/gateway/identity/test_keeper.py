"""What a gateway keeps of the directory, and how it learns of changes."""

from collections.abc import Sequence

from signoff_gateway.identity.entries import USER
from signoff_gateway.identity.keeper import AHEAD_SECONDS, Keeper
from signoff_gateway.reads.work import DocumentRow


class Hand:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds


class Rows:
    """Reads that give what a test says, in new objects each time, as a database does."""

    def __init__(self) -> None:
        self.users: dict[str, int] = {}

    async def documents(self, kind: str, identifier: str | None = None) -> Sequence[DocumentRow]:
        assert identifier is None
        found = self.users.items() if kind == USER else ()
        return [DocumentRow(kind, name, 1, {"id": name}, 1, "", at, "") for name, at in found]


async def test_a_directory_that_has_not_changed_stays_with_all_that_it_has_worked_out() -> None:
    clock, rows = Hand(), Rows()
    rows.users["ann"] = 5
    keeper = Keeper(rows, clock)
    first = await keeper.changed()
    ann = first.principal("ann")

    clock.seconds += 2 * AHEAD_SECONDS
    assert await keeper.current() is first
    assert (await keeper.changed()).principal("ann") is ann

    rows.users["bob"] = 6
    second = await keeper.changed()
    assert set(second.users) == {"ann", "bob"}
    rows.users["bob"] = 7
    assert await keeper.changed() is not second
    del rows.users["ann"]
    assert set((await keeper.changed()).users) == {"bob"}

"""What a batch must know before its first decision, as its records name it: pure."""

from collections.abc import Sequence

from signoff_broker.engine.keys import keys_named_by
from signoff_process.log.ports import Arrival
from signoff_schemas.commands import Withdraw
from signoff_schemas.frozen import frozen
from signoff_schemas.timers import Timer


@frozen
class Needs:
    """Keys of instances, command ids, and whether one of those may well be on record."""

    keys: set[int]
    ids: list[str]
    doubtful: bool


def needs_of(work: Sequence[Arrival], timers: Sequence[Timer]) -> Needs:
    """What these need.

    Doubtful is what names another command, and what its caller gave a key, so that it may come
    again; any other id comes twice only where the log repeats one.
    """
    keys = {key for timer in timers for key in keys_named_by(timer)}
    ids: list[str] = []
    doubtful = False
    for arrival in work:
        entry = arrival.entry
        assert entry is not None, "rubbish is never stepped"
        ids.append(entry.id)
        keys.update(keys_named_by(entry.body))
        if isinstance(entry.body, Withdraw):
            ids.append(entry.body.target)
            doubtful = True
        elif entry.fingerprint:
            doubtful = True
    return Needs(keys, ids, doubtful)

"""The verdict on a run: settle what is open, collect both sides, and look for broken promises."""

from signoff_load.evidence import collect
from signoff_load.history import History, Violation, violations
from signoff_load.traffic import Traffic


async def verdict(traffic: Traffic, database_url: str) -> tuple[list[Violation], History]:
    """Every broken promise of a run that has ended, and the history that shows it."""
    settled = await traffic.settle()
    final = await traffic.final_values()
    notes = traffic.notes
    evidence = await collect(database_url, frozenset(traffic.tasks), notes.completed)
    history = History(
        operations=notes.operations,
        applied=evidence.applied,
        final=final,
        settled=settled,
        reads=notes.reads,
        activations=evidence.activations,
        completions=evidence.completions,
    )
    return violations(history), history

"""Which deployed definition a name and a version mean."""

from signoff_broker.engine.state import Definition, Settings


def find_definition(
    settings: Settings, tenant: str, process_id: str, version: int
) -> Definition | None:
    """The definition that an instance would start by; version -1 means the latest."""
    if version == -1:
        return settings.definitions.get(settings.latest.get((tenant, process_id), 0))
    return next(
        (
            each
            for each in settings.definitions.values()
            if each.process.process_id == process_id
            and each.process.version == version
            and each.tenant == tenant
            and not each.deleted
        ),
        None,
    )

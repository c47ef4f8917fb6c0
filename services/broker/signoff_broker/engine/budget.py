"""How much the templates of one step may make: none can hang a partition or blow it up."""

from typing import Final

from signoff_schemas.limits import VARIABLES_BYTES_MAX

STEP_BUDGET: Final = 2 * VARIABLES_BYTES_MAX
"""What all templates of one step may make together, in bytes, roughly."""


class TemplateError(ValueError):
    """A template makes more than can be kept. The message is for people."""


class Budget:
    """What may still be made, in bytes, roughly."""

    __slots__ = ("left",)

    def __init__(self, left: int = STEP_BUDGET) -> None:
        self.left = left

    @property
    def spent(self) -> int:
        """What was made so far, if it began with the budget of a step."""
        return STEP_BUDGET - self.left

    def spend(self, size: int) -> None:
        """Take so much off. Raises: TemplateError if there is not so much left."""
        self.left -= size
        if self.left < 0:
            raise TemplateError("The values that are to be made here are too large.")

"""The extension elements of one task, by name: each at most once, unknown ones refused."""

from collections.abc import Callable, Iterator

from signoff_gateway.dialects.camunda.bpmn_problems import Problems
from signoff_gateway.dialects.camunda.bpmn_xml import BPMN, ZEEBE, Element
from signoff_schemas.expressions import ExpressionSyntaxError, is_expression, parse
from signoff_schemas.frozen import frozen


@frozen
class Part:
    """One extension element, or an empty one where there is none, and where it stands."""

    path: str
    element: Element
    problems: Problems

    def get(self, attribute: str) -> str:
        """Give an attribute's value, empty if it is absent."""
        return self.element.get(attribute)

    def refuse(self, reason: str) -> None:
        """Note a problem of this element."""
        self.problems.add(self.path, reason)

    def text(self, attribute: str, fault: Callable[[str], str] | None = None) -> str:
        """Give a value that may be an expression, having checked its syntax.

        ``fault`` says what is wrong with a literal, or nothing.
        """
        value = self.get(attribute)
        reason = ""
        if is_expression(value):
            try:
                parse(value)
            except ExpressionSyntaxError as error:
                reason = str(error)
        elif value and fault is not None:
            reason = fault(value)
        if reason:
            self.refuse(reason)
        return value

    def each(self, name: str) -> Iterator["Part"]:
        """Go through the inner elements of one name."""
        path = f"{self.path} > {name}"
        return (Part(path, child, self.problems) for child in self.element.of(ZEEBE, name))


class Parts:
    """The extension elements of a task, of which only ``allowed`` ones are understood."""

    def __init__(self, task: Element, allowed: frozenset[str], problems: Problems) -> None:
        self._path = f"{task.id} > extensionElements"
        self._problems = problems
        self._found: dict[str, Element] = {}
        for extensions in task.of(BPMN, "extensionElements"):
            for extension in extensions.of(ZEEBE):
                self._add(extension, allowed)

    def has(self, name: str) -> bool:
        """Tell whether there is one of this name."""
        return name in self._found

    def one(self, name: str) -> Part:
        """Give the element of a name, or an empty one."""
        element = self._found.get(name) or Element(ZEEBE, name, {})
        return Part(f"{self._path} > {name}", element, self._problems)

    def _add(self, extension: Element, allowed: frozenset[str]) -> None:
        name = extension.name
        path = f"{self._path} > {name}"
        if name not in allowed:
            self._problems.add(path, f"'zeebe:{name}' is currently not supported here")
        elif name in self._found:
            self._problems.add(path, f"Must have at most one 'zeebe:{name}' extension element")
        else:
            self._found[name] = extension

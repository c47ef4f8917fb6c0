"""Events applied to state: one module a noun, one function an event."""

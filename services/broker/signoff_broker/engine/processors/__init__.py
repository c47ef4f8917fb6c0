"""Commands decided: one module a noun, one function a command."""

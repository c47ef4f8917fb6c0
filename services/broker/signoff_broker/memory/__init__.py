"""The same promises in dictionaries: for fast tests and simulation, never for production."""

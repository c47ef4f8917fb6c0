"""The door of the engine: REST dialects in, commands out, and the reply back."""

"""The log: its ports, and the adapters ``kafka`` and ``memory`` that keep the same promises."""

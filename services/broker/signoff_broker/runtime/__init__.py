"""The shell around the engine: awaits, never decides. Read partition.py first."""

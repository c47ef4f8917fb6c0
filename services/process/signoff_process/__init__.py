"""What any process needs, whatever it does: logs, clock, signals, servers and log adapters."""

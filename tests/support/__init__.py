"""What tests share: backends, builders, and small tools; no test stands here."""

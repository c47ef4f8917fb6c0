"""The language that gateway, broker and workers share: records of the log, no I/O, no dialect."""

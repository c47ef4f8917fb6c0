"""What Signoff is tried with: the history checker, and the load that it watches."""

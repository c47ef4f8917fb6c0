"""The `signoff` command, and the compositions of the parts into processes."""

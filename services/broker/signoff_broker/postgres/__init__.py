"""The store and the ownership of partitions on PostgreSQL (DESIGN 4 and 6)."""

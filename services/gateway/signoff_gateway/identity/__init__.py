"""Who calls: users, groups, roles and applications, and the ways to prove to be one of them."""

"""What a password's hash costs whoever has got hold of it."""

from argon2 import Type, extract_parameters

from signoff_gateway.identity.passwords import hash_secret


def test_a_hash_costs_what_the_standard_recommends() -> None:
    """RFC 9106 section 4, for machines with little memory: 64 MiB, three times over."""
    made = extract_parameters(hash_secret("a password of nobody"))

    assert made.type is Type.ID
    assert made.memory_cost >= 64 * 1024
    assert made.time_cost >= 3
    assert (made.salt_len, made.hash_len) >= (16, 32)

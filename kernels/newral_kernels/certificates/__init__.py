"""Certificates: short texts by which anybody can verify that a number is prime or composite.

`forms` says what they look like as data and as JSON, `verify` checks them and needs nothing else.
Who makes them (`n_minus_1`, `pari`, `compositeness`) is of no concern to the checker, which shares
no code with them.
"""

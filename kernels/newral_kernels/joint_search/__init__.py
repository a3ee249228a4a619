"""The joint search for numbers that pass a Fermat test and a Lucas test: the parts of the kernel
`bpsw-class`.

A number n with the prime factor p can pass both only in one residue class modulo p·lcm(o, w), where
o is the order of 2 modulo p and w the rank of p in the Lucas sequence: what is left to be tested
are a few multiples of each p.
"""

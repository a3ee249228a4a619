"""Probable-prime tests of many numbers in lock-step, for compiled code.

Every number of a block is one lane: one step of an exponentiation is done for all lanes before the
next, so that a processor works on several independent multiplications at a time. Each stage takes
positions in the arrays of numbers, in any order, and moves those that pass it to the front.
"""

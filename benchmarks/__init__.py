"""Side by side with the peers: `python -m benchmarks` writes JSON to benchmarks/results, and docs/benchmarks.md is made from it.

Contestants run in one process, in turns, on the same work, and compare by the ratios of their turns: what else a machine does
at the time falls on all of them alike.
"""

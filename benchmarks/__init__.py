"""Speed, memory and quality, measured as whole processes from the shell.

``python -m benchmarks`` runs all of them, ``python -m benchmarks start_up fit_speed`` some. What they print
is kept in ``results/`` as JSON and in ``RESULTS.md`` as tables, with the machine it was measured on; nothing
in either is written by hand.
"""

"""What is no test: a program for type checkers, and programs that tests start."""

collect_ignore = ["types/accepted.py", "benchmarks", "stages/flaky_server.py"]

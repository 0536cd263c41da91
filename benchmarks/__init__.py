"""Speed and memory, measured. Each is a program of its own: `python -m benchmarks.w1_ingest`; the last line is JSON."""

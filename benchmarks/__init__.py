"""What the engine is measured by; see `benchmarks.replicates`."""

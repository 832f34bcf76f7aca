"""`make bench`: what the allocation path does, as ratios measured in one run. No test: timings are
reported, never asserted."""

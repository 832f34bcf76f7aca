"""A process that speaks PayPal's and Tremendous's HTTP as their specifications say, keeps books of
what it really paid and misbehaves on demand. It shares no code with the adapters that are tested
against it. `python -m tests.simulators --port N` starts it by hand."""

"""What operators are told by mail of what needs somebody: what each chose and was told."""

"""The structs of the wire: what the API reads and answers."""

"""What needs somebody now, and what there is to pay out."""

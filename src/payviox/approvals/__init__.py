"""Acts over a business's threshold that need two people: who signed what, and what still waits."""

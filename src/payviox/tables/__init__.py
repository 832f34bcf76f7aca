"""Files of rows as people and spreadsheets write them; what rows mean, their readers know."""

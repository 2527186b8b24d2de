"""Reading: what the tasks that read a text have in common: rows in batches, long texts in windows, words and places, marks."""

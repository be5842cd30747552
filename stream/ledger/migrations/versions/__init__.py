"""One file for each step, written by hand and never edited once it was released; a test compares with the tables."""

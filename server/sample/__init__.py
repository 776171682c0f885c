"""A small synthetic practice, written for this project: every person, number and address in it is invented."""

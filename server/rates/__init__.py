"""How many requests a caller may make: policies, their meter, and who is counted for what."""

"""Who has an account, how they prove it, and how long a browser stays signed in."""

"""The server's own pages for those who have an account, and for those who administer them."""

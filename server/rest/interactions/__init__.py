"""One file for each REST interaction (R4 http.html), named after it."""

"""The pages that people see in a browser: made on the server, usable without JavaScript."""

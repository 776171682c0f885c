"""Documents: what a Binary or an attachment holds, streamed in and out, checked for what it is, and kept in sealed chunks."""

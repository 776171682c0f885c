"""What can be done with documents besides reading and writing them."""

"""Code systems, value sets and concept maps over REST: the terminology floor's engine on what a tenant has stored."""

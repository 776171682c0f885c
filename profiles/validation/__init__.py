"""How a resource is held against R4's structure; the way in is profiles/base_validation.py."""

"""Facts from the coded elements of resources: one small file per kind of resource."""

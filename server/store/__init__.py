"""Where sealed records live: the store's contract and its back ends."""

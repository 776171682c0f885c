"""Ground floor: codes (code systems, their URLs, and what Assent knows of their content)."""

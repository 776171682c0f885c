"""Da Vinci PAS: $submit, $inquire, and the Bundles they take and give."""

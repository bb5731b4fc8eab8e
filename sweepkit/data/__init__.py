"""From labelled texts to batches: `preparation` writes shared records once, `reader` hands them to every worker."""

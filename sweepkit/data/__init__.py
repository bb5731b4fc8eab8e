"""From labelled texts to batches: `preparation` writes shared records once, `reader` hands them to training in every worker."""

"""A trained model with all that using it on raw text needs, as one folder that travels."""

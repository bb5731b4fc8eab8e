"""The only package that imports Ray: `cluster` connects to a cluster, `tune` runs trials on it in warm workers."""

"""The only place that knows Ray: a cluster to run on (`runner`) and Ray Tune dispatching trials to warm workers
(`trials`)."""

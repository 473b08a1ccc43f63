"""Work on many pairs, in shards that are each done once: in this process, or on a Ray cluster."""

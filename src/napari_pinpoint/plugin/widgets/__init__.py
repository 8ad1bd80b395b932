"""Parts that tabs are put together from; they know nothing of tables, layers' metadata or models."""

"""The coordinator: takes jobs, lends units, judges results, keeps the books, publishes."""

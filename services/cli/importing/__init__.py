"""The commands that import files, which are clients of the services as any other system is.

`reports`, `resources` and `regions` are the commands. `records` is the engine of the first two. They share: reading
CSV, GeoJSON and JSON (`files`), which column fills which field (`mapping`), what identifies a record (`keys`), the ids
behind names and codes (`lookups`), locations (`places`), how far an import came and what was refused (`journal`), and
sending the rows in batches with a progress bar and a summary (`run`).
"""

"""What the commands that import files share.

Reading CSV, GeoJSON and JSON (`files`), naming which column means what (`mapping`) and what tells a record from others
(`keys`), finding the ids behind names and codes (`lookups`) and the place (`places`), remembering how far one came and
what was refused (`journal`), and driving an import in batches with a bar and a summary (`run`).
"""

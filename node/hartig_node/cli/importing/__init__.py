"""`hartig import`: the lines of a CSV file become posts.

file -> reading (encoding, delimiter, rows) -> columns (which column says what) -> drafts (a row's fields)
-> done (was this one posted before?) -> command (batches to the node, bad lines by number)
"""

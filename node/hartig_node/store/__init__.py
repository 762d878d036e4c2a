"""The store: what this hub keeps, on disk or (for tests and simulations) in dicts.

The map, ground floor last. The daemon calls `opening.open_store`; everybody else knows the `Store` port alone.

    opening     a folder -> a SqliteStore: lock, check, migrate, or set damage aside
    partitions  the stores of partner networks' records; memory_partitions is its twin
    sqlite      the adapter: coroutines in, jobs for two threads out
    memory memory_disk      the twin in dicts, with a disk that outlives it
    backup verify damage checking      copies, second looks, and what to do when the file is not what it was
    writer      the only thread that writes: group commit, repeat, full disk
    workers     a thread with a queue that owns one connection
    applying reading posts indexing    SQL: commits, look-ups, lists, the search index
    rows facts                         records <-> rows, what filters look at, texts and terms
    schema connection reserve lock     tables and migrations, pragmas, the reserve file, one store a folder
"""

"""Bytes <-> record: keys, the record itself, what each kind may say, categories, attributes and units.

In: wire bytes or the fields of a draft. Out: a `Record`, or a `RecordError` that says what is wrong and where.
Nothing here knows what else is held: every verdict is about one record alone.
"""

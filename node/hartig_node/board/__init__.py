"""The use cases: what the API, the site and the command line all call.

In: drafts and questions in plain Python values. Out: views, or a `BoardError` with a stable code and a hint. Nothing
here knows HTTP; everything that changes goes through the engine.
"""

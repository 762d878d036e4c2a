"""Composition: the only place that knows all adapters.

commands      what works on a folder without a running node: init, join, run, restore, verify
founding      a new network: seats, charter, the first grant
node          one running node: store, engine, board, doors, network, started and stopped in order
network       who is dialled, where, and what discovery hears
folder config the files of a hub, and its settings
"""

"""Composition: the only place that knows all adapters.

commands      init and run; with join, copies (restore, verify), keys (key) and recover: what works on a folder
kits          the page with which a hub's key can be replaced; recovering does it, and survives being killed
founding      a new network: seats, charter, the first grant
node          one running node: store, engine, board, doors, network, started and stopped in order
network       who is dialled, where, and what discovery hears
folder config the files of a hub, and its settings
"""

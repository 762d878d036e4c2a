"""The command line: `hartig ...`. It knows the node by its API alone, through `hartig_node.client`.

`main` finds the command in `commands` and imports only that command's module, so `hartig status` starts quickly.
"""

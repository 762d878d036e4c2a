from hypothesis import given
from hypothesis import strategies as st

from hartig_node.daemon.network import WANTED_MAX, network_tag, wanted_nodes

hubs = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=80, unique=True)


@given(hubs)
def test_few_hubs_are_a_full_mesh_and_many_are_one_piece(keys: list[bytes]) -> None:
    nodes = {hub: frozenset({bytes(reversed(hub))}) for hub in keys}
    hub_of = {node: hub for hub, own in nodes.items() for node in own}
    wanted = {own: {hub_of[node] for node in wanted_nodes(own, nodes, keys)} for own in keys}
    assert all(own not in others and len(others) == min(WANTED_MAX, len(keys) - 1) for own, others in wanted.items())
    seen, todo = {keys[0]}, [keys[0]]
    while todo:
        for other in wanted[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    assert seen == set(keys)


def test_a_hub_that_does_not_stand_is_not_wanted() -> None:
    nodes = {b"a" * 32: frozenset({b"1" * 32}), b"b" * 32: frozenset({b"2" * 32})}
    assert wanted_nodes(b"c" * 32, nodes, [b"b" * 32]) == [b"2" * 32]


def test_the_tag_tells_networks_apart_and_names_none() -> None:
    assert network_tag(bytes(16)) != network_tag(b"\x01" * 16)
    assert len(network_tag(bytes(16))) == 8

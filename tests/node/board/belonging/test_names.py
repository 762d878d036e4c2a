"""What other hubs are called on this hub's lists."""

from node.board.belonging.belonging import ANA, network_of, publish
from support.boards import Bench


async def test_lists_show_the_digits_of_a_key_where_its_hub_has_no_name_of_its_own(bench: Bench) -> None:
    network = network_of(bench)
    await publish(bench, network.grant(ANA.public, place=3), network.card(ANA, name="Our hub"))
    await bench.board.membership.learn_names()
    assert ANA.public not in bench.board.context.names()
    card = network.card(ANA, name="Library", seq=2)
    await publish(bench, card)
    await bench.board.membership.learn_names()
    assert bench.board.context.names()[ANA.public] == "Library"
    await publish(bench, network.revise(ANA, card, ends=True))
    await bench.board.membership.learn_names()
    assert ANA.public not in bench.board.context.names()

from headstart.transfer.strategy import STRATEGIES
from headstart.transfer.token_phases import RATES, for_tokens


def test_strategies_take_the_rates_of_text_backbones() -> None:
    strategy = for_tokens(STRATEGIES["auto"])
    assert [phase.learning_rates for phase in strategy.phases] == [RATES]
    assert strategy.placement == "searched"
    assert for_tokens(STRATEGIES["probe"]).phases == ()

import itertools

from headstart.training.chance import seed_of


def test_every_place_has_a_seed_of_its_own_that_torch_takes() -> None:
    places = [*itertools.product(range(4), repeat=2), *itertools.product(range(4), repeat=3), (1, 23), (12, 3)]
    seeds = [seed_of(7, *place) for place in places]
    assert len(set(seeds)) == len(places)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert not {seed_of(8, *place) for place in places} & set(seeds)


def test_a_seed_is_the_same_everywhere() -> None:
    assert seed_of(0, 1, 2, 3) == 1329215510858749501  # printf 0/1/2/3 | sha256sum: the first 63 bits

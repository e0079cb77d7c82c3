"""The formulas that simulated days are held against, by figures computed elsewhere (independent Python)."""

import pytest

from bench.erlang import Load, blocked, delayed, patient, service_level

VECTORS = [
    (60, 240, 7, 0.1351, 0.9071, 0.0247, 4.44),
    (60, 240, 6, None, None, 0.0554, 9.97),
    (30, 300, 5, 0.1304, 0.8985, 0.0321, 5.78),
    (120, 240, 11, 0.2450, 0.8316, 0.0345, 6.21),
    (12, 110, 2, 0.0568, 0.9636, 0.0138, 2.48),
]


@pytest.mark.parametrize(("an_hour", "handled", "servers", "waits", "in_30_s", "abandoned", "wait"), VECTORS)
def test_the_line_of_theory(an_hour, handled, servers, waits, in_30_s, abandoned, wait):
    load = Load(an_hour / 3600, handled, 180, servers)
    if waits is not None:
        assert delayed(load.erlangs, servers) == pytest.approx(waits, abs=5e-5)
        assert service_level(load, 30) == pytest.approx(in_30_s, abs=5e-5)
    assert patient(load).abandoned == pytest.approx(abandoned, abs=5e-5)
    assert patient(load).wait == pytest.approx(wait, abs=5e-3)


@pytest.mark.parametrize(("erlangs", "servers", "share"), [(10, 15, 0.03650), (10, 18, 0.00714), (20, 30, 0.00846)])
def test_calls_that_find_everybody_busy(erlangs, servers, share):
    assert blocked(erlangs, servers) == pytest.approx(share, abs=5e-6)

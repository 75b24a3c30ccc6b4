import pytest


def test_adds():
    assert 1 + 1 == 2


def test_subtracts():
    print("some output")
    assert 3 - 1 == 1, "three minus one"


def test_divides():
    1 / 0


@pytest.mark.skip(reason="no network")
def test_skipped():
    pass


@pytest.mark.xfail
def test_expected():
    assert False


@pytest.fixture
def broken():
    raise RuntimeError("no database")


def test_fixture(broken):
    pass


class TestGroup:
    @pytest.mark.parametrize("n", [1, 2])
    def test_small(self, n):
        assert n < 2

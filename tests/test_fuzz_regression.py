"""What a fuzzer found once is never found again; and a short, repeatable look for more."""

import random

import fuzz
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("target", "name"),
    [(target, path.name) for target in fuzz.TARGETS for path in sorted((fuzz.CORPUS / target).iterdir())],
)
def test_what_was_found_is_mended(target: str, name: str) -> None:
    fuzz.check_of(target)((fuzz.CORPUS / target / name).read_bytes())


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_what_is_right_passes(target: str) -> None:
    for seed in fuzz.seeds_of(target):
        fuzz.check_of(target)(seed)


@pytest.mark.parametrize("target", fuzz.TARGETS)
@hypothesis_settings(max_examples=60)
@given(data=st.data())
def test_what_is_nearly_right_gives_a_result_or_one_line(target: str, data: st.DataObject) -> None:
    seeds, mutate = fuzz.seeds_of(target), fuzz.mutation_of(target)
    dice = random.Random(data.draw(st.integers(0, 2**32), label="seed of the mutations"))
    content = data.draw(st.sampled_from(range(len(seeds))), label="seed")
    mutated = seeds[content]
    for _ in range(data.draw(st.integers(1, 8), label="mutations")):
        mutated = mutate(mutated, dice)

    fuzz.check_of(target)(mutated)


@given(content=st.binary(max_size=40), seed=st.integers(0, 1000))
def test_bytes_are_mutated_the_same_way_again(content: bytes, seed: int) -> None:
    mutated = fuzz.mutated_bytes(content, random.Random(seed))

    assert mutated == fuzz.mutated_bytes(content, random.Random(seed))


def test_what_a_check_must_not_let_pass_is_found(capfd: pytest.CaptureFixture[str]) -> None:
    """A check that finds nothing is none."""
    from fuzz.outcome import result_or_one_line

    from streamer.errors import InputError

    def says(text: str) -> None:
        raise InputError(text)

    def writes() -> None:
        import os

        os.write(2, b"noise")

    def grows() -> None:
        assert bytearray(600 << 20)

    for wrong in (
        lambda: says("one\ntwo"),
        lambda: says(""),
        lambda: print("x"),
        writes,
        grows,
    ):
        with pytest.raises(AssertionError), result_or_one_line():
            wrong()
    with pytest.raises(ZeroDivisionError), result_or_one_line():
        1 / 0  # noqa: B018
    with result_or_one_line():
        says("one line")
    assert capfd.readouterr() == ("", "")

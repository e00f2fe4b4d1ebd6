"""Where a server's key comes from, and that no sentence holds it."""

import pytest

from tasks.generation.keys import LONGEST_KEY, hide_key, holds_key, read_key

NAME = "LAB_API_KEY"
SECRET = "sk-0123456789abcdef"


def test_a_key_comes_from_its_variable():
    assert read_key(NAME, environment={NAME: f" {SECRET}\n"}) == SECRET


def test_a_key_comes_from_the_file_that_its_twin_names_and_is_read_anew_each_time(tmp_path):
    path = tmp_path / "key"
    environment = {f"{NAME}_FILE": str(path)}
    path.write_text(f"{SECRET}\n")
    assert read_key(NAME, environment=environment) == SECRET
    path.write_text("another-one-of-ours")
    assert read_key(NAME, environment=environment) == "another-one-of-ours"


def tell(environment) -> str:
    with pytest.raises(LookupError) as caught:
        read_key(NAME, environment=environment)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_without_a_key_both_places_are_named():
    assert tell({NAME: "  "}) == (
        "Neither the environment variable LAB_API_KEY, which the generator names for its key, nor LAB_API_KEY_FILE is "
        "set where candidates are generated. Set one there and start that process again."
    )


def test_two_keys_are_one_too_many(tmp_path):
    path = tmp_path / "key"
    path.write_text(SECRET)
    assert tell({NAME: SECRET, f"{NAME}_FILE": str(path)}) == (
        "LAB_API_KEY and LAB_API_KEY_FILE are both set where candidates are generated: keep one of them."
    )


@pytest.mark.parametrize("content", [None, "folder", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_told_by_its_variable(tmp_path, content):
    path = tmp_path / "key"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content + SECRET.encode())
    assert tell({f"{NAME}_FILE": str(path)}).startswith(
        "The file that LAB_API_KEY_FILE names, for the key of a generator, cannot be read ("
    )


@pytest.mark.parametrize("content", ["", " \n", f"{SECRET}\nand more", SECRET * LONGEST_KEY])
def test_a_file_that_holds_no_key_is_told(tmp_path, content):
    path = tmp_path / "key"
    path.write_text(content)
    assert tell({f"{NAME}_FILE": str(path)}) == (
        "The file that LAB_API_KEY_FILE names holds no key: it must be one line of text."
    )


def test_a_key_is_hidden_in_words():
    assert (hide_key(f"Wrong key: {SECRET}", key=SECRET), hide_key("none", key=None)) == ("Wrong key: [key]", "none")


@pytest.mark.parametrize(("text", "key", "holds"), [(f"a{SECRET}b", SECRET, True), ("none", "none", False), (None, SECRET, False), (SECRET, None, False)])  # fmt: skip
def test_a_short_word_is_no_secret(text, key, holds):
    assert holds_key(text, key=key) is holds

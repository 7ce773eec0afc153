"""The command takes any bytes as a text, or refuses them in one line."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compare.cli import main
from tests.counts import number

PIECES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text(max_size=100).map(lambda text: text.encode("utf-16"))
    | st.text("ab \r\n\t\f\v\u2028\ufeff", max_size=200).map(str.encode)
)
TEXTS = st.tuples(
    st.sampled_from(
        [b"", b"The traveller, so it will be convenient to speak of him. ", b"ab\n" * 9]
    ),
    PIECES,
    st.sampled_from([1, 2, 30]),
).map(lambda parts: (parts[0] + parts[1]) * parts[2])


@settings(
    max_examples=number(20, 1000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=TEXTS, token=st.sampled_from(["char", "word"]))
def test_the_command_takes_any_bytes_as_a_text(content, token, tmp_path, count, capsys):
    path = tmp_path / "text"
    path.write_bytes(content)
    count("texts: tried")
    capsys.readouterr()
    flags = f"--text {path} --token {token} --batch-size 2 --num-steps 3 --hidden-size 2"
    code = main(["parity", *flags.split()])
    shown = capsys.readouterr()
    if code == 3:
        count("texts: refused")
        assert shown.err.startswith("rnn-parity: expected ")
        assert ", got " in shown.err
        assert shown.err[:-1].isprintable()
    else:
        count("texts: read")
        assert (code, shown.err) == (0, "")
        assert "parity: all " in shown.out

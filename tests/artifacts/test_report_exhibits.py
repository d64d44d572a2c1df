"""Examples in the report: pictures, texts with their marks, and sounds, whatever there is of each."""

import re
from html import unescape
from pathlib import Path

import pytest

from headstart.artifacts.report.exhibits import LONGEST_OPEN, exhibit, layout, legend, quotation
from headstart.artifacts.report.page import render_report
from headstart.artifacts.report.record import ExhibitRecord, read_run
from headstart.data.texts import SEPARATOR

EXAMPLES = Path(__file__).parent / "example_runs"
PICTURE, SOUND = "data:image/png;base64,AA==", "data:audio/wav;base64,AA=="


def html(shown: ExhibitRecord, *, name: str = "a", predicted: str = "") -> str:
    return "".join(part for part in exhibit(shown, name=name, predicted=predicted) if part)


def read(markup: str) -> str:
    """What a person reads of it."""
    return unescape(re.sub(r"<[^>]*>", "", markup))


def test_what_there_is_is_shown_and_nothing_else() -> None:
    assert html(ExhibitRecord()) == ""
    assert html(ExhibitRecord(picture=PICTURE), name="of a") == f'<img src="{PICTURE}" alt="of a">'
    heard = html(ExhibitRecord(picture=PICTURE, sound=SOUND), name="of a")
    assert heard.index("<img") < heard.index("<audio")
    assert f'<audio src="{SOUND}" controls="controls" preload="metadata" aria-label="of a"></audio>' in heard
    assert html(ExhibitRecord(text="so good")) == '<blockquote><p dir="auto">so good</p></blockquote>'


def test_strong_pieces_are_marked_with_their_side_and_amount() -> None:
    marks = (("Not", -0.5), (" ", 0.0), ("sci-fi", 1.0), (" ", 0.0), ("at", 0.04))
    said = html(ExhibitRecord(marks=marks), predicted="non-fiction")
    assert '<mark class="against" style="--weight:0.50" title="−0.50: spoke against non-fiction">Not</mark>' in said
    assert '<mark class="for" style="--weight:1.00" title="+1.00: spoke for non-fiction">sci-fi</mark>' in said
    assert said.count("<mark") == 2 and read(said) == "Not sci-fi at"


def test_the_texts_of_a_pair_are_two_paragraphs_with_and_without_marks() -> None:
    plain = quotation([(f"one{SEPARATOR}two", 0.0)])
    marked = quotation([("one", 0.9), (SEPARATOR, 0.5), ("two", -0.9)])
    assert marked.count("<mark") == 2
    for said in (plain, marked):
        assert [read(text) for text in re.findall(r'<p dir="auto">(.*?)</p>', said)] == ["one", "two"]
        assert SEPARATOR not in said


def test_a_long_text_is_folded_behind_its_beginning() -> None:
    text = "word " * (LONGEST_OPEN // 5 + 1)
    folded = quotation([(text, 0.0)])
    summary, whole = re.fullmatch(
        r"<blockquote><details><summary>(.*)</summary>(.*)</details></blockquote>", folded
    ).groups()
    assert read(whole) == text
    assert f"All {len(text):,} characters" in summary and re.search(r"word …", read(summary))
    assert len(read(summary)) < len(text)
    assert "details" not in quotation([("x" * LONGEST_OPEN, 0.0)])


@pytest.mark.parametrize("pieces", [["日" * 1000], ["word"] * 300, ["a", "日" * 1000]])
def test_the_beginning_of_a_text_without_spaces_is_there_and_short(pieces: list[str]) -> None:
    beginning = re.search(r'class="beginning" dir="auto">(.*?)</span>', quotation([(piece, 0.0) for piece in pieces]))
    assert beginning is not None and 1 < len(read(beginning.group(1))) < 300


def test_marks_stay_in_the_beginning() -> None:
    folded = quotation([("bad", -1.0), (" word" * 100, 0.0)], predicted="good")
    assert folded.count("<mark") == 2


def test_text_is_never_markup() -> None:
    attack = "\"'><script>alert(1)</script>"
    shown = ExhibitRecord(PICTURE + attack, attack, SOUND + attack, ((attack, 1.0),))
    said = html(shown, name=attack, predicted=attack)
    assert set(re.findall(r"<(\w+)", said)) == {"img", "audio", "blockquote", "p", "mark"}
    assert read(said) == attack


def test_the_legend_is_there_where_there_are_marks() -> None:
    assert legend([ExhibitRecord(text="so")]) is None
    assert "Integrated Gradients" in str(legend([ExhibitRecord(text="so"), ExhibitRecord(marks=(("so", 1.0),))]))


def test_the_room_suits_what_is_shown() -> None:
    assert layout([]) == layout([ExhibitRecord(picture=PICTURE)]) == "looking"
    assert layout([ExhibitRecord(picture=PICTURE, sound=SOUND)]) == "listening"
    assert layout([ExhibitRecord(), ExhibitRecord(text="so")]) == "reading"


def test_every_text_and_every_sound_of_a_run_is_in_its_page() -> None:
    texts = [item.exhibit.text for item in read_run(EXAMPLES / "tool_notes").evidence.most_wrong]
    said = read(render_report(EXAMPLES / "tool_notes"))
    assert texts and [text for text in texts if text not in said] == []
    evidence = read_run(EXAMPLES / "spoon").evidence
    sounds = [item.exhibit.sound for item in evidence.most_wrong]
    sounds += [shown.sound for pair in evidence.near_duplicates for shown in pair.exhibits]
    assert sorted(re.findall(r'<audio src="(.*?)"', render_report(EXAMPLES / "spoon"))) == sorted(sounds)


def test_the_page_may_play_what_it_holds_and_nothing_else() -> None:
    assert "media-src data:;" in render_report(EXAMPLES / "spoon")

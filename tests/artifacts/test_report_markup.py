"""Markup is escaped whatever comes, and what comes is what a parser reads again."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from headstart.artifacts.report import markup as h

#: What HTML itself cannot hold, or reads as something else: null and a lone carriage return.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


class Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(content=TEXT, value=TEXT)
def test_text_and_attributes_come_back_unchanged(content: str, value: str) -> None:
    reader = Reader(h.p(content, title=value))
    assert reader.tags == [("p", [("title", value)])]
    assert reader.text == content


def test_markup_goes_in_as_it_is_and_none_is_left_out() -> None:
    assert h.p(["a", None, [h.strong("b")]], class_="c", id=None) == '<p class="c">a<strong>b</strong></p>'


def test_void_elements_have_no_end() -> None:
    assert h.img(src="data:image/png;base64,", alt='"') == '<img src="data:image/png;base64," alt="&#34;">'


def test_numbers_are_short() -> None:
    assert h.circle(cx=1.0, cy=1 / 3, r=2) == '<circle cx="1" cy="0.33" r="2"></circle>'

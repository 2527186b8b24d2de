"""Reviews out of the forms in which public data sets keep them."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from limelight.data import archives
from limelight.data.archives import texts_in
from limelight.data.opinions import Opinion
from limelight.data.reviews import FORMS, read_opinions, spaced
from limelight.errors import InputError


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_marked_lines_are_cut_at_line_ends_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Great!  \t1\nIt broke\x85twice.\t0\r\n\nA tab\there, too.\t1\n", encoding="utf-8", newline="")
    wanted = [Opinion("Great!", "positive"), Opinion("It broke twice.", "negative"), Opinion("A tab here, too.", "positive")]
    assert read_opinions(path, "marked lines") == wanted


def test_stars_are_sides_and_titles_are_sentences(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ['Lovely,"Fits, well.",5', ",Too small.,1", "Hm!,So so.,3", "No text,,4", 'Long,"two\nlines",2']
    path.write_text(",Title,Review Text,Rating\n" + "".join(f"{i},{row}\n" for i, row in enumerate(rows)), encoding="utf-8")
    assert read_opinions(path, "starred rows") == [
        Opinion("Lovely. Fits, well.", "positive"),
        Opinion("Too small.", "negative"),
        Opinion("Hm! So so.", "neutral"),
        Opinion("Long. two lines", "negative"),
    ]


def test_pros_and_cons_are_unescaped(tmp_path: Path) -> None:
    lines = "<Pros>cheap &amp; light</Pros>\n  <Pros> </Pros>\n", "<Cons>says &amp;quot;hot&amp;quot;</Cons>\n<Cons>cut off\n"
    path = zipped(tmp_path / "a.zip", {"x/b.txt": lines[1], "x/a.txt": lines[0], "x/README": "<Cons>no text</Cons>"})
    assert read_opinions(path, "pros and cons") == [Opinion("cheap & light", "positive"), Opinion('says "hot"', "negative")]


def test_aspects_are_of_one_sign_or_mixed(tmp_path: Path) -> None:
    lines = [
        "* Annotated by us",
        "[t]a title",
        "size[+2], colour[+][u]##it is small , and i like it .",
        "battery[-3][p]##it did n't last ( at all )",
        "size[+1], price[-1]##small but dear",
        "##i bought it in may .",
        "screen[+2]## ",
    ]
    path = zipped(tmp_path / "a.zip", {"a.txt": "\n".join(lines)})
    assert read_opinions(path, "aspects") == [
        Opinion("it is small, and i like it.", "positive"),
        Opinion("it didn't last (at all)", "negative"),
        Opinion("small but dear", "mixed"),
    ]


def test_folders_name_the_side(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"m/pos/1.txt": "fine \n , really .", "m/neg/1.txt": "dull", "m/other/1.txt": "x", "2.txt": "y"})
    assert read_opinions(path, "two folders") == [Opinion("dull", "negative"), Opinion("fine, really.", "positive")]


def test_rows_of_a_table_are_labelled(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label,by\n"Where is it,  my parcel?",complaint,x\nThanks!,praise,y\n,praise,z\nHm,,z\n', encoding="utf-8")
    assert read_opinions(path, "labelled rows") == [Opinion("Where is it, my parcel?", "complaint"), Opinion("Thanks!", "praise")]
    path.write_text("texts,label\na,b\n", encoding="utf-8")
    with pytest.raises(InputError, match='no column "text"'):
        read_opinions(path, "labelled rows")


def test_signs_close_up_and_nothing_else_moves() -> None:
    assert spaced("it 's good , is n't it ? ( yes ) .5 mm : - ) 5 %") == "it's good, isn't it? (yes) .5 mm: -) 5%"
    assert spaced("a 'quoted' word , 'so") == "a 'quoted' word, 'so"


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("marked lines", "no mark\n", 'line 1: wanted "sentence, tab, 0 or 1"'),
        ("marked lines", "good\t1\nbad\t2\n", "line 2"),
        ("marked lines", "\n\n", "holds no opinion in the form of marked lines"),
        ("starred rows", "Title,Rating\na,5\n", 'no column "Review Text"'),
        ("starred rows", "Title,Review Text,Rating\na,b,five\n", "row 1: a rating is 1 to 5: got 'five'"),
        ("pros and cons", "not a zip", "no zip file that can be read"),
    ],
)
def test_what_is_not_of_its_form(tmp_path: Path, form: str, content: str, message: str) -> None:
    path = tmp_path / "a"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_opinions(path, form)


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_there(tmp_path: Path, form: str) -> None:
    with pytest.raises(InputError, match="there is no file" if form == "labelled rows" else "cannot be read"):
        read_opinions(tmp_path / "none.csv", form)


def test_archives_are_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {"a.txt": "x" * 5000, "b.txt": "y", "c.bin": b"\xff"})
    assert [name for name, _ in texts_in(path)] == ["a.txt", "b.txt"]
    for limit, most in (("MOST_TEXTS", 1), ("MOST_BYTES", 5000)):
        with monkeypatch.context() as patch:
            patch.setattr(archives, limit, most)
            with pytest.raises(InputError, match="claims to hold 2 texts of 5,001 bytes"):
                list(texts_in(path))
    damaged = bytearray(path.read_bytes())
    damaged[40:60] = bytes(20)
    (tmp_path / "b.zip").write_bytes(damaged)
    with pytest.raises(InputError, match=r"b\.zip"):
        list(texts_in(tmp_path / "b.zip"))
    with pytest.raises(InputError, match="not UTF-8"):
        list(texts_in(zipped(tmp_path / "c.zip", {"a.txt": b"\xff\xfe"})))


def test_the_public_sets_hold_what_their_pages_say(data_sets: Path) -> None:
    def count(path: str, form: str) -> Counter[str]:
        if not (data_sets / path).exists():
            pytest.skip(f"no {path} in {data_sets}")
        return Counter(one.label for one in read_opinions(data_sets / path, form))

    for name in ("amazon_cells", "imdb"):
        assert count(f"uci_sentiment_sentences/{name}_labelled.txt", "marked lines") == {"positive": 500, "negative": 500}
    assert count("nltk_reviews/movie_reviews.zip", "two folders") == {"positive": 1000, "negative": 1000}
    pros = count("nltk_reviews/pros_cons.zip", "pros and cons")
    assert (pros["positive"], pros["negative"]) == (22_936, 22_931)
    stars = count("womens_clothing_reviews/Womens Clothing E-Commerce Reviews.csv", "starred rows")
    assert stars.total() == 22_641
    assert stars["neutral"] == 2_823

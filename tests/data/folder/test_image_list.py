"""Lists of images: what they may look like, and what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from cifarcnn.data.folder.image_list import ImageList, read_image_list
from cifarcnn.data.folder.layout import find_layout
from cifarcnn.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "sub/c.png", "with, comma.png", 'a "quote".png'):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (len(name), 0, 0)).save(path)
    return tmp_path


def read(folder: Path, text: str | bytes, name: str = "list.csv") -> ImageList:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(content)
    return read_image_list(folder / name)


def found(listed: ImageList) -> dict[str, dict[str, list[str]]]:
    return {
        split: {label: [image.name for image in images] for label, images in by.items()}
        for split, by in listed.images.items()
        if by
    }


PLAIN = {"training": {"cat": ["a.png", "sub/c.png"], "dog": ["b.png"]}}


@pytest.mark.parametrize(
    "text",
    [
        "image,label\nsub/c.png,cat\na.png,cat\nb.png,dog\n",
        "\ufeffImage, Label\r\nsub/c.png, cat\r\n\r\na.png,cat\r\nb.png,dog",
        "image;label\nsub/c.png;cat\na.png;cat\nb.png;dog\n;\n",
        "image\tlabel\nsub/c.png\tcat\na.png\tcat\nb.png\tdog\n",
        'label,image\n"cat","sub/c.png"\ncat,./a.png\ndog,sub/../b.png\n',
    ],
)
def test_every_way_to_write_a_list_says_the_same(folder, text):
    listed = read(folder, text)
    assert listed.problems == ()
    assert found(listed) == PLAIN
    assert not listed.has_splits
    assert [Path(image.path) for image in listed.images["training"]["dog"]] == [
        folder / "b.png"
    ]


def test_names_with_separators_and_quotes_stand_in_quotes(folder):
    listed = read(
        folder,
        'image,label\n"with, comma.png","big, old cat"\n'
        '"a ""quote"".png","two\nlines"\n',
    )
    assert listed.problems == ()
    assert found(listed) == {
        "training": {
            "big, old cat": ["with, comma.png"],
            "two\nlines": ['a "quote".png'],
        }
    }


def test_a_path_may_be_absolute_or_lead_out_of_the_folder(folder):
    (folder / "lists").mkdir()
    listed = read(
        folder, f"image,label\n../a.png,cat\n{folder}/b.png,dog\n", "lists/list.csv"
    )
    assert listed.problems == ()
    assert [Path(i.path).read_bytes() for i in listed.images["training"]["cat"]] == [
        (folder / "a.png").read_bytes()
    ]


def test_the_splits_have_several_spellings(folder):
    listed = read(
        folder,
        "image,label,split,width\n"
        "a.png,cat,train,8\nb.png,dog,Training,8\nsub/c.png,cat,VAL,8\n"
        '"with, comma.png",dog,valid,8\n"a ""quote"".png",dog,test,8\n',
    )
    assert listed.problems == ()
    assert found(listed) == {
        "training": {"cat": ["a.png"], "dog": ["b.png"]},
        "validation": {"cat": ["sub/c.png"], "dog": ["with, comma.png"]},
        "test": {"dog": ['a "quote".png']},
    }
    assert listed.unused_columns == ("width",)


def test_all_that_is_wrong_is_told_at_once_with_its_line(folder):
    listed = read(
        folder,
        "image,label,split\n"
        "a.png,cat,train\n"
        "gone.png,cat,train\n"
        "sub\\c.png,cat,train\n"
        "sub,cat,train\n"
        "b.png,,train\n"
        ",dog,train\n"
        "sub/c.png,cat,dev\n"
        '"with, comma.png",cat,\n'
        "./a.png,dog,test\n"
        "b.png,dog,train\n"
        "b.png,dog\n"
        '"a ""quote"".png","a\n dog",nowhere\n'
        "x.png,y,train\n",
    )
    assert listed.problems == (
        "line 3: there is no file gone.png",
        "line 4: there is no file sub\\c.png; write / between folders",
        "line 5: sub is a folder",
        "line 6: no label",
        "line 7: no image",
        "line 8: the split 'dev' is none of training, validation and test",
        "line 9: no split; expected training, validation or test",
        "line 10: ./a.png stands in line 2 already (there cat, here dog; there train, "
        "here test)",
        "line 11: b.png stands in line 6 already",
        "line 12: 2 cells, expected 3; a name with a separator in it needs quotes",
        "line 13: the split 'nowhere' is none of training, validation and test",
        "line 15: there is no file x.png",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "a.png,cat\nb.png,dog\n",
            "line 1: expected the names of the columns, image and label and, if you "
            "like, split; found a.png,cat",
        ),
        (
            "image,label,image\n",
            "line 1: expected the names of the columns, image and label and, if you "
            "like, split; found image,label,image",
        ),
        (
            "",
            "line 1: expected the names of the columns, image and label and, if you "
            "like, split; the list is empty",
        ),
        ("image,label\n\n", "line 2: no row; expected a picture and its label"),
        (
            "image,label\na.png,cat\nb.png,caf\u00e9\n".encode("latin-1"),
            "line 3: the text is not UTF-8; save the list as UTF-8",
        ),
        (
            "image,label\na.png,cat\n".encode("utf-16"),
            "line 1: the text is not UTF-8; save the list as UTF-8",
        ),
        (
            'image,label\na.png,"cat\nb.png,dog\n',
            "line 2: unexpected end of data; is a quote missing?",
        ),
    ],
)
def test_what_is_no_list_is_told_in_a_sentence(folder, content, problem):
    assert read(folder, content).problems == (problem,)


def test_a_list_is_known_by_its_ending(folder):
    read(folder, "image,label\na.png,cat\n", "names.TSV")
    assert find_layout(folder / "names.TSV", 0).is_list
    (folder / "names.dat").write_text("image,label\na.png,cat\n")
    assert find_layout(folder / "names.dat", 0).train is None


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may read everything"
)
def test_a_list_that_may_not_be_read_is_named(folder):
    (folder / "list.csv").write_text("image,label\n")
    (folder / "list.csv").chmod(0)
    with pytest.raises(DataError) as caught:
        read_image_list(folder / "list.csv")
    assert str(caught.value) == (
        f"{folder}/list.csv cannot be read: Permission denied."
    )

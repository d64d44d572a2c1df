from headstart.data.items import Ledger
from headstart.data.readers.scanning import scan


def test_tree_is_in_order_and_counted(write_pictures):
    root = write_pictures("b/2.png", "b/1.png", "a/c/3.png")
    (root / "b" / "notes.txt").write_text("")

    tree = scan(root, frozenset({".png"}), Ledger())

    assert [folder.relative for folder in tree.walk()] == ["", "a", "a/c", "b"]
    assert [name for name, _ in tree.folders[1].files] == ["1.png", "2.png"]
    assert tree.folders[1].others == [("notes.txt", ".txt")]
    assert tree.count == 3


def test_endings_decide_whatever_their_case(write_pictures):
    root = write_pictures("1.PNG", "2.Png", "3.jpg")

    assert scan(root, frozenset({".png"}), Ledger()).count == 2

import subprocess
import sys

import numpy as np
import pytest

from headstart.core.errors import UnknownNameError
from headstart.data.columns import Columns
from headstart.data.readers.sklearn_sets import read_sklearn
from headstart.modalities.image import IMAGE


def test_digits_equal_scikit_learns_own():
    from sklearn.datasets import load_digits

    table = read_sklearn("digits", columns=Columns(), wanted=IMAGE)

    expected = load_digits()
    pictures = np.stack([item.source.read() for item in table.items])
    assert np.array_equal(pictures, np.floor(expected.images * 255 / 16 + 0.5))
    assert [item.label for item in table.items] == [str(label) for label in expected.target]
    assert (pictures.min(), pictures.max(), len(np.unique(pictures))) == (0, 255, 17)


def test_scikit_learn_is_not_imported():
    code = (
        "import sys; from headstart.data.readers.reading import read_data;"
        "from headstart.modalities.image import IMAGE;"
        "read_data('sklearn:digits', wanted=IMAGE); print('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_other_names_list_what_there_is():
    with pytest.raises(UnknownNameError, match="digits"):
        read_sklearn("iris", columns=Columns(), wanted=IMAGE)

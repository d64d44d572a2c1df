import pytest

from headstart.core.errors import UsageError
from headstart.data.columns import Columns


def test_columns_are_refused_where_there_is_no_table():
    Columns().refuse_for("photos/")
    with pytest.raises(UsageError, match="'species', 'patient'"):
        Columns(label="species", group="patient").refuse_for("photos/")
    with pytest.raises(UsageError, match="'hypothesis'"):
        Columns(second="hypothesis").refuse_for("photos/")


def test_a_pattern_is_refused_where_names_of_files_say_nothing():
    with pytest.raises(UsageError, match=r"pattern finds labels.*sklearn:digits"):
        Columns(pattern=r"(\d)").refuse_for("sklearn:digits")

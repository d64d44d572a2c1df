import pytest

from headstart.core.errors import UsageError
from headstart.data.columns import Columns


def test_columns_are_refused_where_there_is_no_table():
    Columns().refuse_for("photos/")
    with pytest.raises(UsageError, match="'species', 'patient'"):
        Columns(label="species", group="patient").refuse_for("photos/")
    with pytest.raises(UsageError, match="'hypothesis'"):
        Columns(second="hypothesis").refuse_for("photos/")

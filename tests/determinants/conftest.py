"""The supplies that usage is tried on."""

from tests.usage.conftest import house  # noqa: F401

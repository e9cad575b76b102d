from pathlib import Path

import httpx
import pytest
from tests.conftest import token_header
from tests.stories.teller import Teller

from currant.clock import FrozenClock
from currant.door import Door

STORIES = sorted(Path(__file__).parent.glob("*.story"))


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
async def test_story(
    story: Path, http: httpx.AsyncClient, boss, door: Door, clock: FrozenClock, owner
) -> None:
    await Teller(http, token_header(boss), door, clock).tell(story)
    assert await owner.fetch("select * from ledger.faults()") == []

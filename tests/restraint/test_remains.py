"""Values die at the decoder, in memory too: after a run no object that is reached holds one, and no buffer of the dialer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import archives, canary_many, certificates, tls_front
from support.canary import Markers, Search
from support.canary_many import STUDIES, Many
from support.canary_world import RECORDS, World
from support.examiner import Examined

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def many() -> Many:
    return Many()


@dataclass
class Asking:
    """One process that asks one archive after the other. It is looked through after each."""

    process: Examined
    world: World
    many: dict[str, int]  # ports of the archive with many studies, by protocol

    def check(self, target: str, **more: object) -> dict[str, Any]:
        said = self.process.order("check", target=target, scope="scope.toml", depth="prove", **more)
        assert self.process.found() == {}
        return said

    def filled(self, target: str, **more: object) -> int:
        """Of how many records a patient's name was seen."""
        said = self.check(target, **more)
        names = [archive["kinds"]["patient_name"] for archive in said["archives"] if archive["kinds"]]
        return max((name["records"] or name["at_least"] or 0 for name in names), default=0)


@pytest.fixture(scope="module", params=["compiled", "pure"])
def asking(
    world: World, many: Many, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Asking]:
    work = tmp_path_factory.mktemp("examined")
    archives.scope_file(work, depth="prove")
    search = Search([*world.markers.planted, *many.markers.planted])
    with ExitStack() as stack:
        process = stack.enter_context(Examined(work, search, core=request.param, overwrites=True))
        ports = {
            "dimse": stack.enter_context(canary_many.serving(canary_many.dimse(many))),
            "dicomweb": stack.enter_context(canary_many.serving(canary_many.dicomweb(many))),
        }
        yield Asking(process, world, ports)


def test_the_look_finds_a_value_in_every_place(tmp_path: Path) -> None:
    """Otherwise the looks below would prove nothing."""
    markers = Markers(seed=13)
    planted = [markers.word("BCDFGHJKLMNPQRSTVWXZ", 16) for _ in range(20)]
    with Examined(tmp_path, Search(planted), overwrites=True) as process:
        process.order("look")
        assert not process.found()
        assert not process.left()
        places = process.plant(planted)
        process.order("look")
        found = process.found()
        assert {place: marker in found for place, marker in zip(places, planted, strict=False)} == dict.fromkeys(
            places, True
        )
        assert set().union(*process.left().values()) == set(found)


def test_what_is_freed_is_overwritten_and_the_first_copy_of_what_was_moved(tmp_path: Path) -> None:
    """Otherwise the look through all memory would blame the instrument for a copy that the allocator left."""
    markers = Markers(seed=14)
    planted = [markers.word("东李张杰伟勇", length) for length in range(8, 208)]
    with Examined(tmp_path, Search(planted), overwrites=True) as process:
        process.drop(planted)
        assert process.left().keys() <= {"[stack]"}


@pytest.mark.parametrize("name", ["scripted", "orthanc", "web", "dicomweb"])
def test_nothing_that_is_reached_holds_a_value(asking: Asking, name: str) -> None:
    assert asking.filled(asking.world.at(name)) >= RECORDS


@pytest.mark.parametrize("name", ["orthanc", "web", "dicomweb"])
def test_nothing_does_after_tls(asking: Asking, name: str, tmp_path: Path) -> None:
    port = int(asking.world.at(name).rpartition(":")[2])
    context = certificates.make(tmp_path).server()
    with tls_front.relay("127.0.0.1", port, context) as secured:
        assert asking.filled(f"127.0.0.1:{secured}") >= RECORDS


@pytest.mark.parametrize("protocol", ["dimse", "dicomweb"])
def test_nothing_does_after_records_that_were_counted_alone(asking: Asking, protocol: str) -> None:
    assert asking.filled(f"127.0.0.1:{asking.many[protocol]}") == STUDIES


def names_patients(request: bytes) -> bool:
    """In DIMSE, by the tag of a patient's name. In HTTP each question for studies does."""
    return b"\x10\x00\x10\x00" in request or b"/studies?" in request


@pytest.mark.parametrize(
    ("protocol", "most"), [("dimse", 700), ("dimse", 1_300_000), ("dicomweb", 700), ("dicomweb", 150_000)]
)
def test_nothing_does_where_an_archive_hangs_up(asking: Asking, protocol: str, most: int) -> None:
    handler = canary_many.cutting(asking.many[protocol], most, names_patients)
    with canary_many.serving(handler) as port:
        said = asking.check(f"127.0.0.1:{port}")
    assert {"closed", "broken"} & {*said["ends"]}


# Words that are said before the user interrupts, each so often. Each study comes at least once, however an archive is asked.
MOST = STUDIES * 11 // 12  # more than are looked at one by one
NAMES, WEB_NAMES = ("\x10\x00\x10\x00", MOST), ("00100010", MOST)  # the tag of a patient's name
INTERRUPTS = {
    "census": ("dimse", [("STUDY", MOST)]),
    "profile": ("dimse", [NAMES]),
    "studies drawn for the profile": ("dimse", [NAMES, ("SERIES", 50)]),
    "studies drawn for the proof": ("dimse", [NAMES, ("IMAGE", 1)]),
    "profile over the web": ("dicomweb", [WEB_NAMES]),
    "studies drawn for the profile over the web": ("dicomweb", [WEB_NAMES, ("/series?includefield", 1)]),
    "studies drawn for the proof over the web": ("dicomweb", [WEB_NAMES, ("/series?limit=1", 1)]),
}


@pytest.mark.parametrize("when", INTERRUPTS)
def test_nothing_does_where_the_user_interrupts(asking: Asking, when: str) -> None:
    """UIDs of studies that were drawn by lot wait for the collector then: the exception holds the frames that it left."""
    protocol, words = INTERRUPTS[when]
    said = asking.check(f"127.0.0.1:{asking.many[protocol]}", until=words, collects=True)
    assert said["archives"] is None
    assert said["ends"][-1] == "interrupted"


def test_what_is_left_in_memory_was_freed(asking: Asking) -> None:
    """The allocator of this process overwrites what is freed. So nothing holds a value, reached or not.

    Only the stack may: a function that returned leaves there what it worked on.
    """
    asking.filled(asking.world.at("scripted"))
    assert asking.process.left().keys() <= {"[stack]"}

"""`hospital`: one campus whose archives differ from each other as real archives do."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from filmbadge.model import Protocol, Rung
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.people import Habits, Ids, Names
from filmbadge.rehearse.world import ALWAYS, Archive, CountKeys, Manner, Rows, Web, World

_DCMTK = ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367")
_PYNETDICOM = ("1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_304")
_PLAIN = Habits()
_DCM4CHE = ("1.2.40.0.13.1.3", "dcm4che-5.31.0")


def hospital(scale: float, seed: int) -> World:
    """The world for a seed and a scale (1: about 900 studies)."""
    chance = random.Random(seed)
    today = datetime.now(UTC).date()

    people = 0

    def studies(
        number: int,
        habits: Habits = _PLAIN,
        *,
        oldest: int = 3650,
        newest: int = 0,
        least: int = 1,
        walked: bool = False,
    ) -> Contents:
        nonlocal people
        size = max(least, round(number * scale))
        size += 3 * (size % 5 == 0)  # archives cut answers off at round numbers, so as many studies are a lower bound
        patients = max(1, round(size / 2.5))
        people += patients
        return Contents(
            root=f"2.25.{chance.getrandbits(96)}",
            online=Part(size, size * (30 if walked else chance.randint(80, 200))),
            patients=patients,
            people=people - patients,
            first_day=today.toordinal() - oldest,
            days=oldest - newest,
            habits=habits,
            series=(2, 3, 4) if walked else Contents.series,
            spread=0.5 if walked else 1.0,
        )

    def dimse(rung: Rung) -> tuple[tuple[Protocol, Rung], ...]:
        return ((Protocol.DIMSE, rung),)

    def page(rung: Rung) -> tuple[tuple[Protocol, Rung], ...]:
        return ((Protocol.HTTP, rung),)

    def both(rung: Rung, rest: Rung) -> tuple[tuple[Protocol, Rung], ...]:
        return ((Protocol.DIMSE, rung), (Protocol.HTTP, rest))

    radiology = studies(400, Habits(Ids.SSN), least=300)  # a few studies do not prove a mirror
    return World(
        "hospital",
        (
            Archive("radiology, open to all", contents=radiology, implementation=_DCM4CHE, rungs=dimse(Rung.DISCLOSES)),
            Archive("cardiology, checks the called AE title", contents=studies(50), called="CARDIO1", second_port=True,
                    implementation=_DCM4CHE, rungs=dimse(Rung.SPEAKS)),
            Archive("oncology, checks the calling AE title", contents=studies(50), callers=frozenset({"ONCOWS"}),
                    rungs=dimse(Rung.SPEAKS)),
            Archive("research Orthanc, aborts a stranger's query", contents=studies(50), aborts_queries=True, second_port=True,
                    implementation=_DCMTK, rungs=dimse(Rung.ADMITS)),
            Archive("new archive, empty", contents=Contents(), implementation=_DCMTK, rungs=dimse(Rung.ANSWERS)),
            Archive("teaching Orthanc, guarded in DICOM but not on the web", contents=studies(120, Habits(names=Names.UTF_8)), aborts_queries=True,
                    implementation=_DCMTK, rest=True, web=Web.EXPLORER, second_port=True, rungs=both(Rung.ADMITS, Rung.DISCLOSES)),
            Archive("emergency Orthanc, guarded everywhere", contents=studies(80), called="EMERGENCY", rest=False,
                    implementation=_DCMTK, second_port=True, rungs=both(Rung.SPEAKS, Rung.SPEAKS)),
            Archive("laboratory, one row per instance and no counts", contents=studies(12, Habits(staff=True), least=4, walked=True), rows=Rows.INSTANCES,
                    count_keys=CountKeys.ABSENT, implementation=_PYNETDICOM, rungs=dimse(Rung.DISCLOSES)),
            Archive("dentistry, leaves the count keys out, and has a web viewer", contents=studies(40, Habits(Ids.SSN_BARE), least=20, walked=True), count_keys=CountKeys.ABSENT, explicit=False,
                    implementation=_DCMTK, web=Web.VIEWER, rungs=both(Rung.DISCLOSES, Rung.ADMITS)),
            Archive("pathology, one row when asked for counts", contents=studies(35, Habits(Ids.NINE_DIGITS, Names.UNDECLARED, more=True), walked=True), count_keys=CountKeys.COLLAPSE,
                    rungs=dimse(Rung.DISCLOSES)),
            Archive("old archive, closed years ago", contents=studies(60, Habits(Ids.HASH, Names.ANONYMOUS), oldest=9000, newest=2000), explicit=False, nested=True,
                    data_after_cancel=True, second_port=True, rungs=dimse(Rung.DISCLOSES)),
            Archive("ward, Patient Root only", contents=studies(30, Habits(names=Names.JAPANESE, more=True)), study_root=False, rungs=dimse(Rung.DISCLOSES)),
            Archive("overloaded archive", contents=studies(50), busy=ALWAYS, rungs=dimse(Rung.SPEAKS)),
            Archive("radiology's mirror", contents=radiology, implementation=_PYNETDICOM, second_port=True, mirror=True,
                    rungs=dimse(Rung.DISCLOSES)),
            Archive("honeypot", contents=studies(15), max_pdu=4 << 20, decoy=True, rungs=dimse(Rung.DISCLOSES)),
            Archive("web server on a DICOM port", manner=Manner.HTTP, rungs=dimse(Rung.LISTENING)),
            Archive("SSH on a DICOM port", manner=Manner.SSH, second_port=True, rungs=dimse(Rung.LISTENING)),
            Archive("tarpit", manner=Manner.SILENT, rungs=dimse(Rung.LISTENING)),
            Archive("hangs up", manner=Manner.CLOSES, second_port=True, rungs=dimse(Rung.LISTENING)),
            Archive("noise", manner=Manner.GARBAGE, rungs=dimse(Rung.LISTENING)),
            Archive("announces 4 GiB", manner=Manner.HUGE_PDU, rungs=dimse(Rung.LISTENING)),
            Archive("canteen, one page for every path", manner=Manner.NOTHING, web=Web.CATCH_ALL, rungs=page(Rung.LISTENING)),
            Archive("share of other files", manner=Manner.NOTHING, web=Web.FILES, rungs=page(Rung.LISTENING)),
            Archive("intranet, behind a password", manner=Manner.NOTHING, web=Web.LOGIN, rungs=page(Rung.LISTENING)),
            Archive("web server that moved away", manner=Manner.NOTHING, web=Web.MOVED, rungs=page(Rung.LISTENING)),
        ),
    )  # fmt: skip


WORLDS = {"hospital": hospital}

"""Remedies on the products themselves: a stranger's check before and after, and a workstation that still works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import archives, certificates, remedied, tls_front
from support.archives import running
from support.certificates import Pair
from support.network import Apart, apart
from support.remedied import (
    ARCHIVE,
    DICOM,
    PASSWORD,
    USER,
    WEB,
    Seen,
    Stranger,
    finds,
    gets,
    orthanc,
    proves,
    settings,
    status,
    stranger,
    tunnel,
    typed,
)

CALLED = "C-FIND and C-GET"
PLUGIN = {"Plugins": [tls_front.DICOMWEB]}


@dataclass
class Lab:
    machines: Apart
    stranger: Stranger
    folder: Path
    device: Pair
    opened: dict[int, Seen]
    studies: list[str]

    def calls(self, port: int, name: str) -> str:
        """A workstation in plain: C-FIND and C-GET."""
        device, address = self.machines.device, self.machines.inside.address
        assert finds(device, address, port) == self.studies
        assert gets(device, self.folder / name, address, port, self.studies[0]) == 1
        return CALLED

    def web(self, port: int = WEB, path: str = "/studies", scheme: str = "http") -> str:
        return f"{scheme}://{self.machines.inside.address}:{port}{path}"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("orthanc")
    with apart() as machines:
        asks = stranger(machines, folder)
        with orthanc(machines.inside, folder, PLUGIN):
            remedied.load(machines.inside, remedied.studies())
            opened = asks.asks(machines.inside.address, DICOM, WEB)
            studies = finds(machines.device, machines.inside.address, DICOM)
        assert len(studies) == 2
        yield Lab(machines, asks, folder, certificates.make(folder, name="device"), opened, studies)


def test_a_login_and_a_list_of_devices_close_orthanc(lab: Lab) -> None:
    inside = lab.machines.inside
    with orthanc(inside, lab.folder, PLUGIN, settings("orthanc-web"), settings("orthanc-dicom")):
        after = lab.stranger.asks(inside.address, DICOM, WEB)
        assert status(lab.machines.device, lab.web(), "-u", f"{USER}:{PASSWORD}") == 200
        assert status(lab.machines.device, lab.web(path="/dicom-web/studies")) == 401
        proves("orthanc-web", lab.opened[WEB], after[WEB], "curl with the login")
        proves("orthanc-dicom", lab.opened[DICOM], after[DICOM], lab.calls(DICOM, "listed"))


def test_an_orthanc_without_remote_access_and_without_a_dicom_server_is_closed(lab: Lab) -> None:
    inside = lab.machines.inside
    with orthanc(inside, lab.folder, PLUGIN, settings("orthanc-web-local"), settings("orthanc-dicom-off")):
        after = lab.stranger.asks(inside.address, DICOM, WEB)
        assert status(inside, f"http://127.0.0.1:{WEB}/studies") == 200
        proves("orthanc-web-local", lab.opened[WEB], after[WEB], "curl on the machine itself")
        assert status(inside, f"http://127.0.0.1:{WEB}/dicom-web/studies") == 200
        proves("orthanc-dicom-off", lab.opened[DICOM], after[DICOM], "DICOMweb on the machine itself")


def test_a_known_title_is_kept_out_by_its_host(lab: Lab) -> None:
    """Before, whoever knows the title of the archive is let in."""
    inside = lab.machines.inside
    with orthanc(inside, lab.folder, {"DicomCheckCalledAet": True}):
        before = lab.stranger.asks(inside.address, DICOM)
    with orthanc(inside, lab.folder, {"DicomCheckCalledAet": True}, settings("orthanc-title")):
        after = lab.stranger.asks(inside.address, DICOM)
        with pytest.raises(AssertionError, match="exit"):
            finds(lab.machines.outside, inside.address, DICOM)  # with both titles right
        proves("orthanc-title", before[DICOM], after[DICOM], lab.calls(DICOM, "titled"))


def test_an_orthanc_that_aborts_the_query_is_closed_to_the_association_too(lab: Lab) -> None:
    inside = lab.machines.inside
    aborts = {"DicomAlwaysAllowFind": False, "DicomAlwaysAllowGet": False}
    with orthanc(inside, lab.folder, aborts):
        before = lab.stranger.asks(inside.address, DICOM)
    with orthanc(inside, lab.folder, aborts, settings("dcmtk-aborts-dicom")):
        after = lab.stranger.asks(inside.address, DICOM)
        proves("dcmtk-aborts-dicom", before[DICOM], after[DICOM], lab.calls(DICOM, "aborted"), opened=False)


def test_orthanc_demands_certificates(lab: Lab) -> None:
    inside, device = lab.machines.inside, lab.machines.device
    own = certificates.make(lab.folder, name="archive")
    assert own.key == lab.folder / "archive.key"  # as the row names it, in the folder where Orthanc runs
    (lab.folder / "devices.crt").write_bytes(lab.device.certificate.read_bytes())
    with orthanc(inside, lab.folder, settings("orthanc-dicom-tls")):
        after = lab.stranger.asks(inside.address, DICOM)
        assert finds(device, inside.address, DICOM, tls=lab.device) == lab.studies
        with pytest.raises(AssertionError, match="exit"):
            finds(device, inside.address, DICOM, tls=own)  # with a certificate of somebody else
        with tunnel(device, lab.folder, lab.device, {11112: DICOM}, inside.address):
            assert gets(device, lab.folder / "tls", "127.0.0.1", 11112, lab.studies[0]) == 1
        proves("orthanc-dicom-tls", lab.opened[DICOM], after[DICOM], f"{CALLED} with its certificate")


def test_the_user_that_orthanc_makes_is_gone_though_nobody_sees_it(lab: Lab) -> None:
    """A check sees a login before and after. That the user was there is known only to who may try it: here, we may."""
    inside, known = lab.machines.inside, ("-u", "orthanc:orthanc")
    with orthanc(inside, lab.folder, {"AuthenticationEnabled": True}):
        before = lab.stranger.asks(inside.address, WEB)
        assert status(lab.machines.device, lab.web(), *known) == 200
    with orthanc(inside, lab.folder, {"AuthenticationEnabled": True}, settings("orthanc-default-user")):
        after = lab.stranger.asks(inside.address, WEB)
        assert status(lab.machines.device, lab.web(), *known) == 401
        assert status(lab.machines.device, lab.web(), "-u", f"{USER}:{PASSWORD}") == 200
    assert before == after
    proves("orthanc-default-user", before[WEB], after[WEB], "curl with the login", opened=False)


# ---- dcmqrscp


def test_dcmqrscp_takes_only_the_devices_of_its_table(lab: Lab, tmp_path: Path) -> None:
    """Whatever is wrong is refused by the same words. Without -dhl it is a part of a name that is compared."""
    inside, outside, device, port = lab.machines.inside, lab.machines.outside, lab.machines.device, 11113
    storage, configuration = tmp_path / "images", tmp_path / "dcmqrscp.cfg"
    storage.mkdir()
    head = f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
    nobody = "HostTable BEGIN\nHostTable END\n"
    listed = head + typed("dcmqrscp-dicom", {"/PATH": str(storage)}) + "\n"
    opened = f"AETable BEGIN\n{ARCHIVE} {storage} RW (200, 1024mb) ANY\nAETable END\n"
    command = inside.command(archives.program("dcmqrscp"), "-c", configuration.name)
    configuration.write_text(head + nobody + opened)
    with running(command, tmp_path, port):
        for path in remedied.studies():
            device.run("storescu", "-R", "-aec", ARCHIVE, inside.address, str(port), str(path))
        before = lab.stranger.asks(inside.address, port)
    configuration.write_text(listed)
    with running([*command, "-dhl"], tmp_path, port):
        after = lab.stranger.asks(inside.address, port)
        assert sorted(finds(device, inside.address, port)) == sorted(lab.studies)
        assert gets(device, tmp_path / "got", inside.address, port, lab.studies[0]) == 1
        with pytest.raises(AssertionError, match="Called AE Title Not Recognized"):
            finds(outside, inside.address, port)  # the right titles, from another host
        proves("dcmqrscp-dicom", before[port], after[port], CALLED)
    with running(command, tmp_path, port), pytest.raises(AssertionError, match="Called AE Title Not Recognized"):
        finds(device, inside.address, port)  # its address has a name
    configuration.write_text(listed.replace(device.address, "device"))
    with running(command, tmp_path, port):
        assert len(finds(device, inside.address, port)) == 2  # device.example, to the first dot


# ---- pynetdicom

SCP = """
import sys
from pathlib import Path
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet

files = [dcmread(path) for path in sys.argv[3:]]
def asked(event):
    for file in files:
        row = Dataset()
        row.QueryRetrieveLevel, row.StudyInstanceUID = "STUDY", file.StudyInstanceUID
        yield 0xFF00, row
def handed(event):
    chosen = [file for file in files if file.StudyInstanceUID == event.identifier.StudyInstanceUID]
    yield len(chosen)
    for file in chosen:
        yield 0xFF00, file
ae = AE(sys.argv[2])
ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, scu_role=True, scp_role=True)
{lines}
ae.start_server(("", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_FIND, asked), (evt.EVT_C_GET, handed)])
"""


def test_an_archive_on_pynetdicom_demands_its_titles(lab: Lab, tmp_path: Path) -> None:
    inside, device, port = lab.machines.inside, lab.machines.device, 11114
    files = [str(path) for path in remedied.studies()]

    def command(lines: str) -> list[str]:
        return inside.command(sys.executable, "-c", SCP.replace("{lines}", lines), str(port), ARCHIVE, *files)

    with running(command(""), tmp_path, port):
        before = lab.stranger.asks(inside.address, port)
    with running(command(typed("pynetdicom-dicom")), tmp_path, port):
        after = lab.stranger.asks(inside.address, port)
        assert sorted(finds(device, inside.address, port)) == sorted(lab.studies)
        assert gets(device, tmp_path / "got", inside.address, port, lab.studies[0]) == 1
        proves("pynetdicom-dicom", before[port], after[port], f"{CALLED}, by title")

// An archive made with dcmjs-dimse: node scp.js PORT HOLDINGS MAX_PDU
const fs = require('fs');
const { Dataset, Scp, Server, responses, constants } = require('dcmjs-dimse');
const { CEchoResponse, CFindResponse } = responses;
const { PresentationContextResult, Status } = constants;

const [port, file, maxPdu] = process.argv.slice(2);
const holdings = JSON.parse(fs.readFileSync(file, 'utf8'));
const LEVELS = { STUDY: 'StudyInstanceUID', SERIES: 'SeriesInstanceUID', IMAGE: 'SOPInstanceUID' };
const UIDS = Object.values(LEVELS);

// The holdings that match a query, each value of its level once.
function answers(keys) {
  const own = LEVELS[keys.QueryRetrieveLevel];
  const [first, last] = (keys.StudyDate || '').split('-');
  const rows = new Map();
  for (const held of holdings) {
    const dated = !first || (first <= held.StudyDate && held.StudyDate <= (last || first));
    if (!dated || !UIDS.every((name) => !keys[name] || keys[name] === held[name])) continue;
    const names = UIDS.filter((name) => keys[name] || name === own);
    rows.set(held[own], Object.fromEntries(names.map((name) => [name, held[name]])));
  }
  return rows.values();
}

class Archive extends Scp {
  associationRequested(association) {
    association.setMaxPduLength(Number(maxPdu));
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  cEchoRequest(request, callback) {
    callback(responded(CEchoResponse, request, Status.Success));
  }

  cFindRequest(request, callback) {
    const all = [];
    for (const row of answers(request.getDataset().getElements())) {
      const pending = responded(CFindResponse, request, Status.Pending);
      pending.setDataset(new Dataset(row));
      all.push(pending);
    }
    callback([...all, responded(CFindResponse, request, Status.Success)]);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

function responded(kind, request, status) {
  const response = kind.fromRequest(request);
  response.setStatus(status);
  return response;
}

const server = new Server(Archive);
server.on('networkError', (error) => console.error(error.message));
server.listen(Number(port));

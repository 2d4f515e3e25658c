"""DICOM upper layer and DIMSE, as a requestor (SCU): PS3.8 and PS3.7. No sockets: see `wire.conversation`."""

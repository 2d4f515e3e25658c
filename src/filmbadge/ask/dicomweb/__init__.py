"""DICOMweb: QIDO-RS, WADO-RS and WADO-URI, one file a depth."""

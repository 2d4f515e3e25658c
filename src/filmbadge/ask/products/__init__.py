"""Interfaces of single products: Orthanc's and dcm4chee-arc's REST."""

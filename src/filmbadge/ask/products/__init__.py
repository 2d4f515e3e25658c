"""Interfaces of single products: the REST of Orthanc and of dcm4chee-arc."""

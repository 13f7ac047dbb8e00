"""A fit as a file that any program reads: netCDF and Zarr, written whole, and opened without trust.

opened    a fit of this program or any other, from a file that may be anything
written   a DataTree as netCDF, as a Zarr folder, or as a Zarr folder in a zip archive
"""

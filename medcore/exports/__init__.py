"""What leaves MedCore: reports, DICOM objects, images in other formats, tables."""

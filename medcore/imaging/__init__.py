"""Image processing on volumes: spatial, intensity, enhancement, quality, lesions, registration."""

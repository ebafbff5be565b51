"""From what a caller sends to what the classifier reads."""
import numpy

SIDE = 8
GREY_MAX = 16.0


def to_matrix(images):
    """A list of images (8 rows of 8 grey values from 0 to 16) as one row of 64 numbers each. ValueError says what is
    wrong with the request."""
    try:
        matrix = numpy.asarray(images, dtype=numpy.float64)
    except (TypeError, ValueError):
        raise ValueError("\"images\" must be a list of images of 8 rows with 8 numbers each") from None
    if matrix.ndim == 2 and matrix.shape == (SIDE, SIDE):
        matrix = matrix[numpy.newaxis]
    if matrix.ndim != 3 or matrix.shape[1:] != (SIDE, SIDE) or len(matrix) == 0:
        raise ValueError("\"images\" must be a list of images of 8 rows with 8 numbers each")
    if len(matrix) > 1000:
        raise ValueError("at most 1000 images in one request")
    if not numpy.isfinite(matrix).all() or matrix.min() < 0 or matrix.max() > GREY_MAX:
        raise ValueError("grey values are from 0 (white) to 16 (black)")
    return matrix.reshape(len(matrix), SIDE * SIDE) / GREY_MAX

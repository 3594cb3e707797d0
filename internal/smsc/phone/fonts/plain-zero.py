"""Takes the mark out of Handjet's zero, which at 25 px reads as an eight.

    python3 plain-zero.py handjet-latin-500-normal.woff2

Needs fonttools and brotli. The font comes from npm @fontsource/handjet 5.3.0.
"""

import sys

from fontTools.ttLib import TTFont

font = TTFont(sys.argv[1])
zero = font["glyf"]["zero"]
zero.components = [c for c in zero.components if c.glyphName != "pixel"]
font.save(sys.argv[1])

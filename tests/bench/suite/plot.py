"""SVG, drawn by hand: bars with the range of the rounds, one colour for ours and one for the others; and a line for growth."""

import math
from html import escape

WIDTH, LABEL, LINE, TOP = 720, 130, 28, 56
HEIGHT, LEFT, RIGHT, BOTTOM = 320, 70, 40, 40  # of a line
OURS, OTHERS, RANGE = "#2a6fb0", "#b8c4ce", "#333333"


def text(x, y, content, anchor="start", size=13):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(content)}</text>'


def document(width, height, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>', *parts, "</svg>", ""])


def bars(title, unit, entries):
    """`entries`: name, median, smallest, largest."""
    most = max(entry[3] for entry in entries) or 1
    scale = (WIDTH - LABEL - 90) / most
    parts = [text(8, 22, title, size=15), text(8, 42, unit)]
    for at, (name, median, low, high) in enumerate(entries):
        y = TOP + at * LINE
        colour = OURS if name == "ours" else OTHERS
        parts.append(text(LABEL - 8, y + 16, name, "end"))
        parts.append(f'<rect x="{LABEL}" y="{y + 3}" width="{median * scale:.1f}" height="{LINE - 10}" fill="{colour}"/>')
        parts.append(f'<path d="M{LABEL + low * scale:.1f} {y + 12}H{LABEL + high * scale:.1f}" stroke="{RANGE}"/>')
        parts.append(text(LABEL + high * scale + 6, y + 16, f"{median:,.4g}"))
    return document(WIDTH, TOP + len(entries) * LINE + 12, parts)


def line(title, unit, along, points):
    """`points`: how many of what `along` says, median, smallest, largest. The first axis counts magnitudes, the other from zero."""
    most = max(point[3] for point in points) or 1
    first, last = math.log(points[0][0]), math.log(points[-1][0])

    def place(count, value):
        share = (math.log(count) - first) / (last - first or 1)
        return LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - value / most * (HEIGHT - BOTTOM - TOP)

    parts = [text(8, 22, title, size=15), text(8, 42, f"{unit}, by {along}"),
             f'<path d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}" stroke="{RANGE}"/>', text(LEFT - 8, HEIGHT - BOTTOM, "0", "end")]
    way = []
    for count, median, low, high in points:
        x, y = place(count, median)
        way.append(f"{x:.1f} {y:.1f}")
        parts.append(f'<path d="M{x:.1f} {place(count, low)[1]:.1f}V{place(count, high)[1]:.1f}" stroke="{RANGE}"/>')
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{OURS}"/>')
        parts.append(text(x, y - 10, f"{median:,.4g}", "middle"))
        parts.append(text(x, HEIGHT - BOTTOM + 20, f"{count:,}", "middle"))
    parts.append(f'<path d="M{"L".join(way)}" stroke="{OURS}" fill="none"/>')
    return document(WIDTH, HEIGHT, parts)

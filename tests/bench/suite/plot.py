"""SVG, drawn by hand: bars with the range of the rounds, one colour for ours and one for the others."""

from html import escape

WIDTH, LABEL, LINE, TOP = 720, 130, 28, 56
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

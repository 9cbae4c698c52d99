"""Makes countries.csv: outlines of countries for the maps of the report.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    pip install pycountry
    python make.py package/countries-110m.json > countries.csv

world-atlas (ISC, Michael Bostock) is Natural Earth's 1:110m Admin 0 (public domain) as TopoJSON. Here it is projected by Equal
Earth (Savric, Patterson and Jenny 2018), which shows areas as they are, rounded to units of a sheet 1500 wide, and
written as one SVG path for each country, in relative steps. Antarctica is left out. Natural Earth's lines are taken as they are.
"""

import json
import math
import sys

import pycountry

WIDTH, MARGIN = 1500.0, 2.0
# What has no numeric code in Natural Earth, as parts of what the codes of trade statistics count it with.
WITHOUT_CODE = {"N. Cyprus": "CYP", "Somaliland": "SOM", "Kosovo": "XKX"}


def equal_earth(longitude, latitude):
    """Equal Earth, in radii of the sphere."""
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    theta = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    t2 = theta * theta
    t6 = t2**3
    slope = a1 + 3 * a2 * t2 + t6 * (7 * a3 + 9 * a4 * t2)
    x = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(theta) / (3 * slope)
    return x, theta * (a1 + a2 * t2 + t6 * (a3 + a4 * t2))


EDGE, _ = equal_earth(180, 0)
_, TOP = equal_earth(0, 84)
SCALE = (WIDTH - 2 * MARGIN) / (2 * EDGE)


def pixel(longitude, latitude):
    x, y = equal_earth(longitude, latitude)
    return round(WIDTH / 2 + SCALE * x), round(MARGIN + SCALE * (TOP - y))


def arcs(topology):
    """Absolute degrees of every arc."""
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    for steps in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            line.append((x * scale[0] + translate[0], y * scale[1] + translate[1]))
        yield line


def ring(indices, lines):
    points = []
    for index in indices:
        line = lines[index] if index >= 0 else lines[~index][::-1]
        points.extend(line if not points else line[1:])
    return points


def sheets(points):
    """The pieces of a ring that may cross the date line, each between -180 and 180 degrees."""
    whole, turn = [points[0]], 0
    for (before, _), (longitude, latitude) in zip(points, points[1:]):
        turn -= 360 * round((longitude - before) / 360)
        whole.append((longitude + turn, latitude))
    for shift in (-360, 0, 360):
        piece = [(longitude + shift, latitude) for longitude, latitude in whole]
        for side in (1, -1):
            piece = clipped(piece, side)
        if piece:
            yield piece


def clipped(points, side):
    """What of a ring lies within 180 degrees on one side (Sutherland and Hodgman 1974)."""
    kept = []
    for a, b in zip(points, points[1:] + points[:1]):
        inside = [side * p[0] <= 180 for p in (a, b)]
        if inside[0]:
            kept.append(a)
        if inside[0] != inside[1]:
            share = (side * 180 - a[0]) / (b[0] - a[0])
            kept.append((side * 180, a[1] + share * (b[1] - a[1])))
    return kept


def straight(a, b, c):
    return (b[0] - a[0]) * (c[1] - b[1]) == (b[1] - a[1]) * (c[0] - b[0])


def path(points):
    """A closed ring as SVG in relative steps; nothing if it is smaller than a pixel."""
    kept = []
    for point in (pixel(*p) for p in points):
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and straight(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    if len(kept) > 1 and kept[0] == kept[-1]:
        kept.pop()
    if len(kept) < 3:
        return ""
    text, (x, y) = f"M{kept[0][0]} {kept[0][1]}l", kept[0]
    steps = []
    for px, py in kept[1:]:
        steps.append(f"{px - x} {py - y}")
        x, y = px, py
    return text + " ".join(steps).replace(" -", "-") + "z"


def main():
    with open(sys.argv[1]) as file:
        topology = json.load(file)
    lines = list(arcs(topology))
    countries = {}
    for shape in topology["objects"]["countries"]["geometries"]:
        name = shape["properties"]["name"]
        if name == "Antarctica":
            continue
        code = WITHOUT_CODE.get(name) or pycountry.countries.get(numeric=shape["id"]).alpha_3
        polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        paths = [path(s) for polygon in polygons for r in polygon for s in sheets(ring(r, lines))]
        full = code not in countries and pycountry.countries.get(alpha_3=code)
        label = getattr(full, "common_name", full.name) if full else name
        known, drawn = countries.get(code, (label, ""))
        countries[code] = (known, drawn + "".join(paths))
    print("# Outlines of countries, Equal Earth projection, on a sheet of 1500 by 650. From Natural Earth 1:110m (public domain)")
    print("# by way of world-atlas 2.0.2 (ISC, Copyright 2013-2019 Michael Bostock); make.py beside this file made it.")
    print("code,name,path")
    for code, (name, drawn) in sorted(countries.items()):
        if drawn:
            print(f'{code},"{name}",{drawn}')


main()

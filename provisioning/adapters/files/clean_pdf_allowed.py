"""What a clean PDF may hold: the allow-list of dictionaries, key by key (ISO 32000-2)."""

from __future__ import annotations

# What may be copied of each kind of dictionary or stream: key -> kind of its value. An array is as its elements. "plain" is names,
# numbers, strings and arrays of them. A kind ending in "*" is a dictionary whose keys are names the author chose.


def _keys(words: str, kind: str = "plain") -> dict[str, str]:
    return {f"/{word}": kind for word in words.split()}


ALLOWED: dict[str, dict[str, str]] = {
    "resources": {
        "/Font": "font*",
        "/XObject": "xobject*",
        "/ExtGState": "state*",
        "/ColorSpace": "colour*",
        "/Pattern": "pattern*",
        "/Shading": "shading*",
    },
    "xobject": {
        **_keys(
            "Type Subtype FormType BBox Matrix Width Height BitsPerComponent Intent ImageMask Decode Interpolate SMaskInData Matte"
        ),
        "/ColorSpace": "colour",
        "/Mask": "xobject",
        "/SMask": "xobject",
        "/Resources": "resources",
        "/Group": "group",
    },
    "group": {**_keys("Type S I K"), "/CS": "colour"},
    "font": {
        **_keys("Type Subtype BaseFont FirstChar LastChar Widths Name FontBBox FontMatrix DW W DW2 W2"),
        "/CIDSystemInfo": "system",
        "/FontDescriptor": "descriptor",
        "/Encoding": "encoding",
        "/ToUnicode": "encoding",
        "/CIDToGIDMap": "data",
        "/DescendantFonts": "font",
        "/CharProcs": "data*",
        "/Resources": "resources",
    },
    "descriptor": {
        **_keys(
            "Type FontName FontFamily FontStretch FontWeight Flags FontBBox ItalicAngle Ascent Descent Leading CapHeight XHeight"
        ),
        **_keys("StemV StemH AvgWidth MaxWidth MissingWidth CharSet Lang"),
        **_keys("FontFile FontFile2 FontFile3 CIDSet", "font file"),
    },
    "font file": _keys("Subtype Length1 Length2 Length3"),
    "encoding": {**_keys("Type BaseEncoding Differences CMapName WMode"), "/CIDSystemInfo": "system", "/UseCMap": "encoding"},
    "data": {},
    "state": {
        **_keys("Type LW LC LJ ML D RI OP op OPM FL SM SA BM CA ca AIS TK"),
        "/Font": "font",
        "/SMask": "soft mask",
        **_keys("BG BG2 UCR UCR2 TR TR2", "function"),
    },
    "soft mask": {**_keys("Type S BC"), "/G": "xobject", "/TR": "function"},
    "colour": {
        **_keys("N Range WhitePoint BlackPoint Gamma Matrix Subtype Solidities"),
        **_keys("FunctionType Domain Size BitsPerSample Order Encode Decode C0 C1 Bounds"),
        "/Functions": "function",
        "/Alternate": "colour",
        "/Colorants": "colour*",
        "/Process": "process",
    },
    "process": {**_keys("Components"), "/ColorSpace": "colour"},
    "function": {
        **_keys("FunctionType Domain Range Size BitsPerSample Order Encode Decode C0 C1 N Bounds"),
        "/Functions": "function",
    },
    "pattern": {
        **_keys("Type PatternType PaintType TilingType BBox XStep YStep Matrix"),
        "/Resources": "resources",
        "/Shading": "shading",
        "/ExtGState": "state",
    },
    "shading": {
        **_keys("ShadingType Background BBox AntiAlias Domain Matrix Coords Extend BitsPerCoordinate BitsPerComponent BitsPerFlag"),
        **_keys("Decode VerticesPerRow"),
        "/ColorSpace": "colour",
        "/Function": "function",
    },
    "system": _keys("Registry Ordering Supplement"),
    "plain": {},
    "decoding": {
        **_keys("Predictor Colors BitsPerComponent Columns EarlyChange K EndOfLine EncodedByteAlign Rows EndOfBlock BlackIs1"),
        **_keys("DamagedRowsBeforeError ColorTransform"),
        "/JBIG2Globals": "data",
    },
}

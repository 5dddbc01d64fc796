"""Security headers that every answer has, from a page to a request that no app ever saw."""

from __future__ import annotations

# The pages load nothing from elsewhere and are loaded by nobody else, so every isolation a browser offers may be on.
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
}
NOTHING_AT_ALL = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

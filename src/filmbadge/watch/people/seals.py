"""What we wrote ourselves is known by a seal: an HMAC with a key that the store keeps."""

from __future__ import annotations

import base64
import hmac
import secrets

from filmbadge.watch.store.store import Store

_KEY = "people.key"


class Seals:
    """Each `purpose` has seals of its own: none fits where another is asked for."""

    def __init__(self, store: Store) -> None:
        with store.change() as change:
            change.execute("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", (_KEY, secrets.token_hex(32)))
            self._key = bytes.fromhex(
                change.execute("SELECT value FROM settings WHERE name = ?", (_KEY,)).fetchone()[0]
            )

    def of(self, purpose: str, text: str) -> str:
        digest = hmac.digest(self._key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def fits(self, seal: object, purpose: str, text: str) -> bool:
        """In the same time, whatever the seal is."""
        given = seal.encode("utf-8", "surrogatepass") if isinstance(seal, str) else b""
        return hmac.compare_digest(given, self.of(purpose, text).encode())

    def sealed(self, purpose: str, text: str) -> str:
        """The text with its seal, for a cookie."""
        held = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"{held}.{self.of(purpose, held)}"

    def opened(self, purpose: str, held: str) -> str | None:
        text, _, seal = held.partition(".")
        if not self.fits(seal, purpose, text):
            return None
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()

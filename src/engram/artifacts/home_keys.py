"""The data keys of what a home seals, wrapped by the key-encryption keys in its `keys/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engram.artifacts.envelope import IDS_FILE, KEYS_FILE, load_or_create_keks, make_data_key, open_data_key
from engram.errors import VerificationFailed


@dataclass(frozen=True)
class HomeKeys:
    """The data keys of artifacts and datasets; a home seals from its first key-encryption key on, and never stops."""

    home: Path

    @property
    def sealing(self) -> bool:
        """Tell whether the home seals; a lost key is an error when it is used, and no reason to write in clear."""
        return any((self.home / "keys" / name).exists() for name in (KEYS_FILE, IDS_FILE))

    def make(self, artifact: str) -> tuple[bytes, bytes]:
        """Return a new data key and its envelope; raises VerificationFailed when the home's keys are lost."""
        made = make_data_key(load_or_create_keks(self.home / "keys"), artifact)
        return made.key, made.envelope

    def open(self, artifact: str, envelope: bytes) -> bytes:
        """Return the data key in an envelope; raises VerificationFailed when it does not open with the home's keys."""
        if not self.sealing:  # and none is made: the home would seal from then on
            raise VerificationFailed(
                f"{artifact} is sealed, and the home {self.home} has no key-encryption keys.",
                remedy="Name the home that sealed it with ENGRAM_HOME, or restore its keys/.",
            )
        return open_data_key(load_or_create_keks(self.home / "keys"), artifact, envelope)

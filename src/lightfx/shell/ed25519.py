"""Ed25519, by the package ``cryptography``, which is imported when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Final, final

from attrs import field, frozen
from returns.io import IOFailure, IOResult, IOSuccess

from lightfx.core.failures import EngineFailure, SystemTrouble
from lightfx.core.statement import PublicKey, Signature, Statement, Verify, spelled_bytes

MISSING: Final = "signatures take the package cryptography: pip install 'lightfx[keys]'"


@final
@frozen
class PrivateKey:
    """A private key: it shows itself to nobody."""

    _seed: bytes = field(repr=False)

    def secret(self) -> str:
        """The key itself, as its file holds it: for the one who writes that."""
        return spelled_bytes(self._seed)

    @property
    def public(self) -> PublicKey:
        """The half that others may have."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 -- optional

        return PublicKey(Ed25519PrivateKey.from_private_bytes(self._seed).public_key().public_bytes_raw())

    def sign(self, statement: Statement) -> Signature:
        """Vouch for what a statement says."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 -- optional

        private = Ed25519PrivateKey.from_private_bytes(self._seed)
        return Signature(PublicKey(private.public_key().public_bytes_raw()), private.sign(statement.canonical()))


def verifier() -> IOResult[Verify, EngineFailure]:
    """Give what verifies signatures, or say what is missing for it."""
    try:
        import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError:
        return IOFailure(SystemTrouble("cryptography", "verify signatures", MISSING))
    return IOSuccess(verify)


def verify(key: PublicKey, message: bytes, value: bytes) -> bool:
    """Tell whether ``key`` signed ``message``: the `Verify` that `lightfx.plan.trust.judge` takes.

    >>> verify(PublicKey(bytes(32)), b"a message", bytes(64))
    False
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- optional
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 -- optional

    try:
        Ed25519PublicKey.from_public_bytes(key.data).verify(value, message)
    except (InvalidSignature, ValueError):  # ValueError: bytes that are no point of the curve
        return False
    return True

"""A web server as a cache: what a folder that serves as one looks like when it is served. Read only.

Any server of plain files will do. It is never asked for lists or parts, and what
it says of types and sizes is of no interest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, final

from attrs import frozen

from lightfx.effects.cache import Good, Pieces
from lightfx.shell.cache.channel import AT_ONCE, BrokenError, ChannelCache, GoneError

if TYPE_CHECKING:
    import httpx

CONNECT: Final = 5.0
SILENCE: Final = 20.0
_ABSENT: Final = frozenset({404, 410})
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@final
@frozen
class WebChannel:
    """Files under an address. Implements `lightfx.shell.cache.channel.Channel`."""

    url: str
    client: httpx.Client
    lists: bool = False
    writable: bool = False

    @contextmanager
    def open(self, name: str) -> Iterator[Pieces]:
        """Read what is under a name, as it comes."""
        import httpx  # noqa: PLC0415 -- an extra

        response = self._answer(name)
        try:
            if response.status_code in _ABSENT:
                raise GoneError(name)
            if response.status_code != 200:
                again = response.status_code in _AGAIN
                raise BrokenError(f"the server answered {response.status_code}", again=again)
            yield self._pieces(response)
        finally:
            with suppress(httpx.HTTPError):  # all that was wanted is here, or something worse is being told
                response.close()

    def _answer(self, name: str) -> httpx.Response:
        """Ask for a name, and follow where that leads. A redirect may lead to what is no address: a ``ValueError``."""
        import httpx  # noqa: PLC0415 -- an extra

        try:
            asked = self.client.build_request("GET", f"{self.url}/{name}", headers={"Accept-Encoding": "identity"})
            return self.client.send(asked, stream=True)
        except httpx.TimeoutException as error:
            raise BrokenError(f"the server is silent ({type(error).__name__})", again=False) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise BrokenError(f"{type(error).__name__}: {error}", again=_may_help(error)) from error

    def _pieces(self, response: httpx.Response) -> Pieces:
        """Hand on what comes; what the connection does goes up to `open`, by way of who takes it in."""
        import httpx  # noqa: PLC0415 -- an extra

        try:
            yield from response.iter_raw()
        except httpx.TimeoutException as error:
            raise BrokenError(f"the server fell silent ({type(error).__name__})", again=False) from error
        except httpx.HTTPError as error:
            raise BrokenError(f"{type(error).__name__}: {error}", again=True) from error

    def write(self, good: Good) -> None:
        """Nothing can be put there."""
        raise BrokenError(f"it is read only: {good.name} cannot be put there", again=False)

    def has(self, name: str) -> bool:
        """Whether there is something under a name."""
        try:
            with self.open(name):
                return True
        except GoneError:
            return False

    def names(self, folder: str) -> Mapping[str, int]:
        """It gives no lists."""
        raise BrokenError(f"a web server does not list {folder}", again=False)

    def remove(self, name: str) -> None:
        """Nothing can be removed."""
        raise BrokenError(f"it is read only: {name} cannot be removed", again=False)

    def close(self) -> None:
        """Close all connections."""
        self.client.close()


def _may_help(error: Exception) -> bool:
    import httpx  # noqa: PLC0415 -- an extra

    return isinstance(error, httpx.TransportError) and not isinstance(error, httpx.UnsupportedProtocol)


def web_cache(url: str, name: str = "", *, silence: float = SILENCE, connect: float = CONNECT) -> ChannelCache:
    """Read results from a web server; raises `BrokenError` where httpx is not installed.

    ``silence``: seconds without a byte after which it is given up.
    """
    try:
        import httpx  # noqa: PLC0415 -- an extra
    except ImportError as error:
        raise BrokenError("a cache on a web server takes httpx: pip install 'lightfx[fetch]'", again=False) from error
    limits = httpx.Limits(max_connections=AT_ONCE)
    client = httpx.Client(
        follow_redirects=True, max_redirects=5, timeout=httpx.Timeout(silence, connect=connect), limits=limits
    )
    return ChannelCache(name or url, WebChannel(url.rstrip("/"), client))

"""The signer of a business's wallet, as its account says. One `Signers` serves a process."""

from payviox.rails.evm.external_signers import ExternalSigner
from payviox.rails.evm.keys import Signer, SignerError, wallet_of
from payviox.rails.evm.keystores import Keystores
from payviox.rails.http import Http
from payviox.rails.protocol import Account


class Signers:
    """Keeps opened keystores in memory until `close`."""

    def __init__(self) -> None:
        self._http = Http()
        self._keystores = Keystores()

    async def of(self, account: Account) -> Signer:
        """Raises SignerError."""
        address = wallet_of(account)
        url, path = account.settings.get("signer"), account.settings.get("keystore")
        if url:
            return ExternalSigner(self._http, str(url), address)
        if not path:
            raise SignerError("The account names no keystore and no signer: connect it again.")
        signer = await self._keystores.signer(str(path), account.credentials.get("passphrase", ""))
        if signer.address != address:
            raise SignerError(f"The keystore {path} is of another wallet than {address}.")
        return signer

    async def close(self) -> None:
        """Forget the keys, and hang up."""
        self._keystores = Keystores()
        await self._http.close()

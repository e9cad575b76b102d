"""How often callers may ask, counted by each worker process for itself.

A window begins with its first request. A failed sign-in counts for the login and the address it
came from, so that nobody is locked out from elsewhere. A right token, or a password that was proved
a moment ago, is never refused for the failures of others.
"""

import ipaddress
import time

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from currant.errors import RateLimited
from currant.settings import Settings

_LONGEST_LOGIN = 64  # characters that tell one login from another
_FEW_KEYS = 10_000
_SECOND = 1_000_000_000


class Limits:
    """The limits of one process, as the settings have them; one that is unset limits nothing."""

    def __init__(self, config: Settings) -> None:
        self._windows = FixedWindowRateLimiter(_Counters())
        self._public_list = _item(config.public_list_limit)
        self._sign_ins = _item(config.sign_in_limit)
        self._sign_ins_of_address = _item(config.address_sign_in_limit)
        self._login = _item(config.login_limit)

    def count_public_list(self, address: str) -> None:
        """Count a request for the public list of meters. Raises `RateLimited`."""
        self._count(self._public_list, "This list is given", "list", network_of(address))

    def count_request(self, login: str, credential: bytes) -> None:
        """Count a request by the credential that it carries. Raises `RateLimited`.

        Whoever knows only the login uses up nothing of its user's.
        """
        self._count(self._login, "A login may ask", login[:_LONGEST_LOGIN], str(hash(credential)))

    def count_failure(self, login: str, address: str) -> None:
        """Count a sign-in that failed. Raises `RateLimited` where too many did before."""
        self.refuse_guessing(login, address)
        for item, of in self._failures(login, address):
            self._windows.hit(item, *of)

    def refuse_guessing(self, login: str, address: str) -> None:
        """Refuse what would prove a password where too many sign-ins failed.

        Raises `RateLimited`.
        """
        for item, of in self._failures(login, address):
            if not self._windows.test(item, *of):
                raise self._refusal(item, "A sign-in may fail", *of)

    def _failures(self, login: str, address: str) -> list[tuple[RateLimitItem, tuple[str, ...]]]:
        place = network_of(address)
        kept = (
            (self._sign_ins, ("failed", place, login[:_LONGEST_LOGIN])),
            (self._sign_ins_of_address, ("failed", place)),
        )
        return [(item, of) for item, of in kept if item is not None]

    def _count(self, item: RateLimitItem | None, what: str, *of: str) -> None:
        if item is not None and not self._windows.hit(item, *of):
            raise self._refusal(item, what, *of)

    def _refusal(self, item: RateLimitItem, what: str, *of: str) -> RateLimited:
        left = self._windows.get_window_stats(item, *of).reset_time - time.monotonic_ns()
        wait = max(1, -(-int(left) // _SECOND))
        times = "once" if item.amount == 1 else f"{item.amount} times"
        told = f"{what} {times} in {item.get_expiry()} s."
        return RateLimited(f"{told} Try again in {wait} s.", retry_after=wait)


def network_of(address: str) -> str:
    """Return what stands for a caller: an IPv4 address, or the /64 that an IPv6 address is of."""
    if ":" not in address:
        return address
    try:
        told = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(told.ipv4_mapped or int(told) >> 64)


class _Counters(Storage):
    """Counters in memory; what has ended is swept out as they grow, at no time of its own."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._counted: dict[str, tuple[int, int]] = {}  # how often, and until when
        self._sweep_at = _FEW_KEYS

    @property
    def base_exceptions(self) -> type[Exception]:
        """What this raises: nothing."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a new window where the last has ended; return how often in it."""
        now = time.monotonic_ns()
        count, ends = self._counted.get(key, (0, 0))
        if ends <= now:
            count, ends = 0, now + expiry * _SECOND
            if len(self._counted) >= self._sweep_at:
                self._sweep(now)
        self._counted[key] = (count + amount, ends)
        return count + amount

    def get(self, key: str) -> int:
        """Return how often was counted in the window."""
        count, ends = self._counted.get(key, (0, 0))
        return count if ends > time.monotonic_ns() else 0

    def get_expiry(self, key: str) -> int:
        """Return when the window ends, in nanoseconds of the monotonic clock."""
        return self._counted.get(key, (0, time.monotonic_ns()))[1]

    def check(self) -> bool:
        """Tell that this works."""
        return True

    def reset(self) -> int:
        """Forget everything."""
        count = len(self._counted)
        self._counted.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one window."""
        self._counted.pop(key, None)

    def _sweep(self, now: int) -> None:
        self._counted = {key: kept for key, kept in self._counted.items() if kept[1] > now}
        self._sweep_at = max(_FEW_KEYS, 2 * len(self._counted))


def _item(limit: str | None) -> RateLimitItem | None:
    return parse(limit) if limit else None

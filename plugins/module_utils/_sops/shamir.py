# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shamir's secret sharing over GF(2^8): a data key in parts, of which some number gives it back.

Private to the collection. A share is one byte for each byte of the secret, then its number (1, 2, …). Each
byte of the secret is the constant term of a random polynomial of its own; the share holds the values at its number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .._errors import DataKeyError, InvalidInputError

_REDUCTION = 0x11B
"""x^8 + x^4 + x^3 + x + 1, the polynomial of AES."""
_MAX_PARTS = 255


def multiply(left: int, right: int) -> int:
    """Product in the field."""
    product = 0
    while right:
        if right & 1:
            product ^= left
        left <<= 1
        if left & 0x100:
            left ^= _REDUCTION
        right >>= 1
    return product


def divide(left: int, right: int) -> int:
    """Quotient in the field; `right` is not zero."""
    inverse = 1
    for _bit in range(7):
        # right^254 is the inverse: the group has 255 elements.
        right = multiply(right, right)
        inverse = multiply(inverse, right)
    return multiply(left, inverse)


def split(secret: bytes, parts: int, threshold: int, randomness: Callable[[int], bytes]) -> list[bytes]:
    """As many shares as parts; any `threshold` of them give the secret back, fewer say nothing about it."""
    _check(secret, parts, threshold)
    degree = threshold - 1
    chance = randomness(len(secret) * degree)
    shares = []
    for number in range(1, parts + 1):
        values = bytearray()
        for index, constant in enumerate(secret):
            value = 0
            for coefficient in chance[index * degree : (index + 1) * degree]:
                value = multiply(value ^ coefficient, number)
            values.append(value ^ constant)
        values.append(number)
        shares.append(bytes(values))
    return shares


def combine(shares: Sequence[bytes]) -> bytes:
    """The secret; every share given counts, so one that is wrong spoils it."""
    if len(shares) < 2:
        raise DataKeyError(f"{len(shares)} part of the data key is not enough, two or more are needed")
    if len({len(share) for share in shares}) != 1 or len(shares[0]) < 2:
        raise DataKeyError("the parts of the data key are not of the same length, so they do not belong together")
    numbers = [share[-1] for share in shares]
    if len(set(numbers)) != len(numbers):
        raise DataKeyError("two groups hold the same part of the data key")
    weights = [_weight(number, numbers) for number in numbers]
    secret = bytearray(len(shares[0]) - 1)
    for share, weight in zip(shares, weights, strict=True):
        for index in range(len(secret)):
            secret[index] ^= multiply(share[index], weight)
    return bytes(secret)


def _weight(number: int, numbers: Sequence[int]) -> int:
    """What the value at `number` counts at zero (Lagrange); addition and subtraction are both XOR."""
    weight = 1
    for other in numbers:
        if other != number:
            weight = multiply(weight, divide(other, other ^ number))
    return weight


def _check(secret: bytes, parts: int, threshold: int) -> None:
    if not secret:
        raise InvalidInputError("an empty data key cannot be split")
    if parts > _MAX_PARTS:
        raise InvalidInputError(f"{parts} key groups are too many, {_MAX_PARTS} is the limit")
    if threshold < 2:
        raise InvalidInputError(
            f"shamir_threshold is {threshold}, with several key groups it has to be 2 or more",
            hint="put all keys into one group if any one of them is to open the file",
        )
    if threshold > parts:
        raise InvalidInputError(
            f"shamir_threshold is {threshold}, but there are only {parts} key groups, so nobody could open the file"
        )

"""Checks a file of seals that `payviox ledger seal export` wrote, with nothing but the standard
library, and `openssl` (3 or newer) for the signatures.

python3 check_seals.py seals.txt [older.txt] --key 9f86… [--key 4b1d…]

The keys are the public ones that the installation signs with, as you keep them since you got the
first file: whoever has only the database can sign with another. Without them only the seals' own
word says who signed.

It needs no database and no secret. Each seal names the SHA-256 of the one before it, so the newest
seal of a business stands for all of them. Given an older file, too, it checks that every seal of
that is in the new one: nothing was deleted, and nothing before it was sealed anew.

That the rows are those of the seals is for the database to show:
`payviox ledger verify --seals FILE`.
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FORMAT = "payviox seal 1"
FIRST = "0" * 64
SIGNATURE = re.compile("[0-9a-f]{128}")
ED25519 = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410)."""

Seal = dict[str, str]
"""The lines of a seal by their first word, and besides its `text` and the `digest` of that."""


def read(file: Path) -> list[Seal]:
    """The seals of a file. They are separated by empty lines; the last line is the signature of all
    lines before it, each with its line end."""
    try:
        blocks = file.read_text(encoding="utf-8").strip("\n").split("\n\n")
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"{file}: cannot be read: {error}")
    seals = []
    for block in blocks:
        body, _, signature = block.rpartition("\nsignature ")
        text = body + "\n"
        first, *lines = body.split("\n")
        if first != FORMAT or not SIGNATURE.fullmatch(signature):
            sys.exit(f"{file}: no seal, or one that was cut off: {block[:60]!r}")
        seal = dict(line.split(" ", 1) for line in lines)
        digest = hashlib.sha256(text.encode()).hexdigest()
        seals.append(seal | {"text": text, "digest": digest, "signature": signature})
    return seals


def check_chain(seals: list[Seal]) -> list[str]:
    """Each seal of a business follows the one before it: its number, the digest that it names, and
    the ids after which each of its lines begins."""
    problems = []
    last: dict[str, Seal] = {}
    for seal in seals:
        before = last.get(seal["business"])
        name = f"{seal['business']} seal {seal['number']}"
        expected = (int(before["number"]) + 1, before["digest"]) if before else (1, FIRST)
        if (int(seal["number"]), seal["before"]) != expected:
            problems.append(f"{name} does not follow from the one before it")
        for part, line in seal.items():
            if len(line.split(" ")) == 4:  # after, until, rows, digest
                ended = before[part].split(" ")[1] if before and part in before else "0"
                if line.split(" ")[0] != ended:
                    problems.append(f"{name}: {part} does not begin where the last one ended")
        last[seal["business"]] = seal
    return problems


def newest_of_each_key(seals: list[Seal]) -> list[Seal]:
    """The seals whose signatures stand for all: the last that each key signed for each business."""
    return list({(seal["business"], seal["key"]): seal for seal in seals}.values())


def need_openssl() -> None:
    """Older ones, and LibreSSL, cannot check these signatures and would call all of them wrong."""
    try:
        command = ["openssl", "version"]
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
    except FileNotFoundError:
        said = "none"
    if not re.match(r"OpenSSL ([3-9]|\d\d)\.", said):
        sys.exit(f"openssl 3 or newer is needed to check signatures; here is: {said.strip()}")


def is_signed(seal: Seal) -> bool:
    """Ask openssl, as `openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text
    -sigfile signature`."""
    with tempfile.TemporaryDirectory() as folder:
        key, text, signature = (Path(folder, name) for name in ("key", "text", "signature"))
        key.write_bytes(ED25519 + bytes.fromhex(seal["key"].split(" ")[1]))
        text.write_bytes(seal["text"].encode())
        signature.write_bytes(bytes.fromhex(seal["signature"]))
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin"]
        files = ["-inkey", str(key), "-in", str(text), "-sigfile", str(signature)]
        return subprocess.run([*command, *files], capture_output=True, check=False).returncode == 0  # noqa: S603


def main() -> None:
    """Print what is wrong, and which keys signed; exit with 1 where something is."""
    parser = argparse.ArgumentParser(description="Check a file of seals.")
    parser.add_argument("file", type=Path)
    parser.add_argument("older", type=Path, nargs="?", help="a file from before")
    parser.add_argument("--key", action="append", default=[], help="a public key that may sign")
    asked = parser.parse_args()
    need_openssl()
    seals = read(asked.file)
    problems = check_chain(seals)
    problems += [
        f"{seal['business']} seal {seal['number']} is signed with another key than you expect"
        for seal in seals
        if asked.key and seal["key"].split(" ")[1] not in asked.key
    ]
    problems += [
        f"{seal['business']} seal {seal['number']} is not signed by its key"
        for seal in newest_of_each_key(seals)
        if not is_signed(seal)
    ]
    if asked.older:
        here = {seal["digest"] for seal in seals}
        problems += [
            f"{seal['business']} seal {seal['number']} of the older file is not in the new one"
            for seal in read(asked.older)
            if seal["digest"] not in here
        ]
    for problem in problems:
        print(problem)
    for key in sorted({seal["key"] for seal in seals}):
        print(f"signed with the key {key}")
    good = "all is well" if asked.key else "in order, if those are the keys that you kept (--key)"
    print(f"{len(seals)} seals: {'NOT in order' if problems else good}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

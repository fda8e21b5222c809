"""Characters that look like Latin letters and are none, once NFKC and case folding have done their part (data)."""

from __future__ import annotations

from collections.abc import Mapping

# Each Latin letter, and what is written for it: Cyrillic, Greek, Armenian, Cherokee, small capitals, IPA, Lisu.
_PAIRS = (
    ("a", "аɑαａᴀꭺαӑӓ"), ("b", "ьвʙƅᏼЬβ"), ("c", "сϲᴄⅽꮯсć"), ("d", "ԁɗᴅḍꭰժ"), ("e", "еєєҽɛεᴇꭼёѐéəэ"),
    ("f", "ғƒꜰẝϝք"), ("g", "ɡɢցǥԍ"), ("h", "һհнʜηԋћ"), ("i", "іıɩιɪїꭵịίϊì"), ("j", "јϳᴊʝյ"),
    ("k", "кκᴋқҝĸ"), ("l", "ӏⅼʟլǀιł|"), ("m", "мᴍṃϻɱ"), ("n", "пոɴηռή"), ("o", "оοօᴏ૦ဝσөøόőɵ"),
    ("p", "рρᴘϱ"), ("q", "ԛզգ"), ("r", "гʀᴦꭱɼř"), ("s", "ѕꜱʂѕꮪšș"), ("t", "тτᴛꭲťț"),
    ("u", "υսᴜцʊųμ"), ("v", "ѵνᴠѷꮩ"), ("w", "ԝωᴡшщѡա"), ("x", "хχ×ҳⅹ"), ("y", "уγʏүұყӯ"), ("z", "ᴢʐзżž"),
)  # fmt: skip

# Letters in black circles and squares and the flags' letters, which NFKC leaves as they are.
_ENCLOSED = (0x1F150, 0x1F170, 0x1F1E6)

LOOKALIKES: Mapping[int, str] = {
    **{ord(other): latin for latin, others in reversed(_PAIRS) for other in others if not other.isascii()},
    **{start + at: chr(ord("a") + at) for start in _ENCLOSED for at in range(26)},
}

# Digits and signs that stand for letters; a view of its own, because they are digits and signs, too.
LEET: Mapping[int, str] = {ord(sign): letter for sign, letter in zip("0134578@$!|+(", "oieastbasiltc", strict=True)}
